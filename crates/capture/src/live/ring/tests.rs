use super::*;

fn geometry(ring_octets: u32, snap_length: u32) -> (u32, u32) {
    let Geometry { block_octets, blocks } =
        Geometry::of(&LiveConfig { snap_length, ring_octets, ..LiveConfig::default() });
    (block_octets, blocks)
}

#[test]
fn a_ring_has_several_blocks_and_each_takes_the_longest_frame() {
    assert_eq!(geometry(64 << 20, 65_535), (4 << 20, 16));
    assert_eq!(geometry(16 << 20, 96), (1 << 20, 16));
    assert_eq!(geometry(1 << 30, 96), (4 << 20, 256));
    assert_eq!(geometry(1 << 20, 65_535), (128 << 10, 8));
    assert_eq!(geometry(1 << 20, 96), (64 << 10, 16));
    assert_eq!(geometry(1 << 20, 262_144), (512 << 10, 4));
    assert_eq!(geometry(0, u32::MAX), (512 << 10, 4));
}
