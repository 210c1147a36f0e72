use super::network::Network;
use crate::program::{Ended, PROGRAM, tool};

/// One clear line, and a status that says whose fault it is.
#[test]
fn what_cannot_be_watched_is_said_in_a_line() {
    let Some(network) = Network::new(1) else { return };
    network.run("ip", &["link", "set", "probe0", "down"]);
    let cases: &[(&[&str], i32, &str)] = &[
        (&["-i", "nosuch0"], 1, "interface nosuch0: "),
        (&["-i", "nosuch0"], 1, "`ip link` lists the interfaces"),
        (&["-i", "probe0"], 1, "`ip link set NAME up` brings it up"),
        (&["-i", "wire0", "-i", "wire0"], 2, "it is given twice"),
        (&["-i", "lo", "--filter", "tcp porridge"], 2, "pcap-filter(7) describes the language"),
        (&["-i", "lo", "--cpus", "1023,0"], 2, "--cpus: "),
        (&["-i", "lo", "--cpus", "two"], 2, "`two` is no processor"),
        (&["-i", "lo", "--workers", "0"], 2, "a number from 1 to 256"),
        (&["-i", "lo", "--ring", "1k"], 2, "--ring"),
        (&["-i", "lo", "--ring", "2GiB", "--workers", "256"], 2, "512.0 GiB, and "),
        (&["-i", "lo", "--snap-length", "10"], 2, "--snap-length"),
        (&["-i", "lo", "--user", "no-such-user"], 2, "there is no such user"),
        (&[], 2, "--interface"),
    ];
    for (arguments, status, words) in cases {
        let mut command = std::process::Command::new(PROGRAM);
        let ended = Ended::of(&mut network.enter(command.arg("live").args(*arguments)));
        assert_says(&ended, *status, words);
    }
}

#[test]
fn who_may_not_watch_hears_what_is_missing() {
    let Some(network) = Network::new(1) else { return };
    // Where the program was built, nobody else may look perhaps: they get a copy.
    let folder = tempfile::Builder::new()
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .tempdir()
        .unwrap();
    let program = folder.path().join("flowcanary");
    std::fs::copy(PROGRAM, &program).unwrap();
    let mut command = tool("setpriv", "util-linux");
    command.args(["--reuid=nobody", "--regid=nogroup", "--clear-groups", "--inh-caps=-all"]);
    let ended = Ended::of(&mut network.enter(command.arg(&program).args(["live", "-i", "probe0"])));
    assert_says(&ended, 1, "interface probe0: ");
    assert_says(&ended, 1, "give it CAP_NET_RAW");
}

#[track_caller]
fn assert_says(ended: &Ended, status: i32, words: &str) {
    ended.assert_status(status);
    assert!(ended.stderr.starts_with("flowcanary: ") && ended.stderr.contains(words), "{words}: {ended:?}");
    assert_eq!((ended.stderr.lines().count(), ended.stdout.as_str()), (1, ""), "{ended:?}");
}
