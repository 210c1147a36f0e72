//! The program that writes the captures, as it is called.

use std::{
    fs, io,
    path::Path,
    process::{Command, Output},
};

fn write_pcaps(arguments: &[&str], folder: &Path) -> io::Result<Output> {
    Command::new(env!("CARGO_BIN_EXE_write-pcaps")).args(arguments).arg(folder).output()
}

#[test]
fn what_it_wrote_it_finds_right_until_an_octet_changes() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(
        write_pcaps(&["--check"], folder.path()).unwrap().status.code(),
        Some(1),
        "nothing is there yet"
    );
    assert!(write_pcaps(&[], folder.path()).unwrap().status.success());
    assert!(write_pcaps(&["--check"], folder.path()).unwrap().status.success());

    let path = folder.path().join("tunnels.pcap");
    let mut octets = fs::read(&path).unwrap();
    *octets.last_mut().unwrap() ^= 1;
    fs::write(&path, octets).unwrap();
    let checked = write_pcaps(&["--check"], folder.path()).unwrap();
    assert_eq!(checked.status.code(), Some(1));
    let said = String::from_utf8(checked.stderr).unwrap();
    assert!(said.contains("tunnels.pcap: packet ") && said.contains(" differs"), "{said}");
}

#[test]
fn wrong_usage_is_said() {
    let output = write_pcaps(&["--chek"], Path::new(".")).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().starts_with("usage: "));
}
