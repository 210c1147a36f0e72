//! Completions and pages of the manual.

use std::io::Write as _;

use crate::program::{Ended, program};

#[test]
fn completions_name_every_command_in_every_shell() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let ended = Ended::of(program().args(["completions", shell]));
        ended.assert_status(0);
        for word in ["replay", "live", "doctor", "check", "elements", "stats-interval", "ipfix-profile"] {
            assert!(ended.stdout.contains(word), "{shell} does not complete {word}");
        }
    }
    Ended::of(program().args(["completions", "cmd"])).assert_status(2);
}

#[test]
fn bash_reads_its_completions() {
    let ended = Ended::of(program().args(["completions", "bash"]));
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().write_all(ended.stdout.as_bytes()).unwrap();
    let script = "source \"$1\"; COMP_WORDS=(flowcanary doc); COMP_CWORD=1; \
                  _flowcanary flowcanary doc flowcanary; echo \"${COMPREPLY[*]}\"";
    let bash = Ended::of(std::process::Command::new("bash").args(["-c", script, "bash"]).arg(file.path()));
    assert_eq!(bash.assert_status(0).stdout, "doctor\n", "{bash:?}");
}

#[test]
fn the_manual_has_a_page_for_each_command() {
    for (command, says) in
        [("", "Examines whether"), ("live", "\\-\\-stats\\-interval"), ("doctor", "\\-\\-json")]
    {
        let mut line = program();
        line.arg("man");
        if !command.is_empty() {
            line.arg(command);
        }
        let ended = Ended::of(&mut line);
        ended.assert_status(0);
        let title =
            if command.is_empty() { "flowcanary".to_owned() } else { format!("flowcanary-{command}") };
        assert!(ended.stdout.contains(&format!(".TH {title} 1")), "{ended:?}");
        assert!(ended.stdout.contains(says), "{says}: {ended:?}");
    }
    let ended = Ended::of(program().args(["man", "nothing"]));
    assert!(ended.assert_status(2).stderr.contains("there are replay, live"), "{ended:?}");
}
