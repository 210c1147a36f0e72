use super::{network::Network, watching::watch};
use crate::program::Ended;

#[test]
fn nothing_that_root_may_do_is_left() {
    let Some(network) = Network::new(1) else { return };
    let folder = tempfile::tempdir().unwrap();
    let flows = folder.path().join("flows.jsonl");
    for user in [None, Some("nobody")] {
        let mut arguments = vec!["-i", "probe0", "--workers", "2", "--flows", flows.to_str().unwrap()];
        arguments.extend(["--metrics", "127.0.0.1:0"]);
        arguments.extend(user.iter().flat_map(|user| ["--user", user]));
        let watching = watch(&network, &arguments);
        let threads = watching.threads();
        assert!(threads.len() >= 4, "a main thread, two workers and metrics: {}", threads.len());
        for thread in threads {
            let field = |name: &str| {
                let line = thread.lines().find_map(|line| line.strip_prefix(name)).unwrap();
                line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
            };
            for set in ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"] {
                assert_eq!(field(set), ["0000000000000000"], "{set} {thread}");
            }
            assert_eq!(field("NoNewPrivs:"), ["1"]);
            if user.is_some() {
                let [uid, gid] = ["-u", "-g"].map(id_of_nobody);
                assert_eq!(field("Uid:"), vec![uid; 4]);
                assert_eq!(field("Gid:"), vec![gid; 4]);
                assert!(field("Groups:").is_empty(), "{thread}");
            }
        }
        let stderr = watching.stderr();
        assert_eq!(stderr.contains("runs as root"), user.is_none(), "{stderr}");
        watching.end("TERM").ended.assert_status(0);
    }
}

fn id_of_nobody(which: &str) -> String {
    let mut id = std::process::Command::new("id");
    Ended::of(id.args([which, "nobody"])).stdout.trim().to_owned()
}
