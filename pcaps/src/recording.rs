//! What was seen so far, and the randomness that it was seen with.

use std::time::Duration;

use crate::{
    capture_file::{self, Frame},
    random::Random,
};

/// The frames of a scene, in any order, and the scene's own source of random numbers.
///
/// Each scene has a source of its own, so that a change of one scene leaves the octets of the others alone.
#[derive(Clone, Debug)]
pub struct Recording {
    /// Where the scene takes its random numbers from.
    pub random: Random,
    frames: Vec<Frame>,
}

impl Recording {
    /// An empty recording. `seed` names the scene.
    pub fn seeded(seed: &str) -> Self {
        Self { random: Random::seeded(seed), frames: Vec::new() }
    }

    /// Adds a frame that was seen at `at`.
    pub fn push(&mut self, at: Duration, octets: Vec<u8>) {
        self.frames.push(Frame { at, octets });
    }

    /// Adds the frames of another scene.
    pub fn append(&mut self, other: Self) {
        self.frames.extend(other.frames);
    }

    /// Frames up to now.
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Whether nothing was seen.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// The frames in the order of their times, no two at the same, without those after `end`.
    pub fn into_frames(mut self, end: Duration) -> Vec<Frame> {
        self.frames.retain(|frame| frame.at <= end);
        self.frames.sort_by_key(|frame| frame.at);
        let mut earliest = Duration::ZERO;
        for frame in &mut self.frames {
            frame.at = frame.at.max(earliest);
            earliest = frame.at + Duration::from_nanos(1);
        }
        self.frames
    }

    /// The capture file of a probe that was started at `start` (time since the epoch) and stopped at `end`
    /// (time since the start).
    pub fn into_capture(self, start: Duration, end: Duration) -> Vec<u8> {
        capture_file::write(&self.into_frames(end), start, capture_file::SNAP_LENGTH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_out_ascending_and_stable() {
        let mut recording = Recording::seeded("order");
        for (at, octet) in [(3, 1), (1, 2), (1, 3), (9, 4), (1, 5)] {
            recording.push(Duration::from_nanos(at), vec![octet]);
        }
        let frames = recording.into_frames(Duration::from_nanos(8));
        let seen: Vec<_> = frames.iter().map(|frame| (frame.at.as_nanos(), frame.octets[0])).collect();
        assert_eq!(seen, [(1, 2), (2, 3), (3, 5), (4, 1)]);
    }
}
