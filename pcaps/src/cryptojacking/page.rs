//! The page beside the capture, written from the same facts.

use std::{fmt::Arguments, time::Duration};

use super::{
    AGENT, DIFFICULTY, END, FIRST_DIFFICULTY, HASH_RATE, Truth, WORKER,
    cast::{DELIVERY_NAME, OUTSIDE_NAME, POOL_NAME, POOL_PORT, SITE_NAME, VICTIM_NAME},
};
use crate::scenes::web::{ARCHIVE_TARGET, SCRIPT_TARGET};

pub(super) fn page(truth: &Truth) -> String {
    let mut page = String::from(HEAD);
    for part in [hosts(truth), stages(truth), counts(truth), mining(truth), summary(truth)] {
        page.push('\n');
        page.push_str(&part);
    }
    page
}

fn hosts(truth: &Truth) -> String {
    let cast = &truth.cast;
    let rows = [
        (
            cast.victim,
            format!(
                "the victim: `{VICTIM_NAME}`, web server of `{SITE_NAME}` (80, 443), RDP (3389); Windows"
            ),
        ),
        (cast.victim_v6, "the same host".to_owned()),
        (cast.administrator, "the administrator's workstation; Windows".to_owned()),
        (cast.workstation, "another workstation".to_owned()),
        (cast.workstation_v6, "the same host".to_owned()),
        (cast.monitor, "monitoring, which sends echo requests".to_owned()),
        (cast.resolver, "the resolver".to_owned()),
        (cast.resolver_v6, "the same host".to_owned()),
        (cast.scanner, "a scanner of the Internet, harmless here".to_owned()),
        (cast.attacker, "the attacker: guesses, then logs on".to_owned()),
        (cast.delivery, format!("`{DELIVERY_NAME}`, from where the miner is fetched")),
        (cast.pool, format!("`{POOL_NAME}`, the pool, at port {POOL_PORT}")),
        (cast.outside_web, format!("`{OUTSIDE_NAME}`, a web server outside")),
        (cast.outside_web_v6, "the same host".to_owned()),
        (cast.time_server, "a time server".to_owned()),
    ];
    let mut text = String::from("## Hosts\n\n| address | role |\n|---|---|\n");
    for (host, role) in rows {
        line(&mut text, format_args!("| `{}` | {role} |", host.address));
    }
    line(
        &mut text,
        format_args!("| `198.51.100.20` to `.59`, `2001:db8:51::100` to `::127` | visitors of the site |"),
    );
    line(
        &mut text,
        format_args!(
            "| `198.51.100.128` to `.254`, `203.0.113.1` to `.254` | written into the flood as its sources |"
        ),
    );
    text
}

fn stages(truth: &Truth) -> String {
    let Truth { cast, flood, guessing, session, delivery, mining, .. } = truth;
    let (victim, attacker) = (cast.victim.address, cast.attacker.address);
    let rows = [
        (
            truth.probed,
            format!(
                "ordinary: `{}` asks `{victim}:3389` for RDP without network level authentication and is refused",
                cast.scanner.address
            ),
        ),
        (
            truth.administration,
            format!(
                "ordinary: `{}` mistypes a password at `{victim}:3389`, then logs on and works",
                cast.administrator.address
            ),
        ),
        ((flood.first, flood.last), format!("**noise**: SYN flood against `{victim}:80`")),
        (
            (guessing.first, guessing.last_failure),
            format!("**credential attack**: `{attacker}` guesses at `{victim}:3389`"),
        ),
        (
            (guessing.right, guessing.end),
            "**access gained**: the guess that is right; the client wants no session yet".to_owned(),
        ),
        (*session, format!("**access gained**: `{attacker}` holds a session at `{victim}:3389`")),
        (
            *delivery,
            format!(
                "**delivery**: `{victim}` fetches `{SCRIPT_TARGET}` and `{ARCHIVE_TARGET}` from `{}:80`",
                cast.delivery.address
            ),
        ),
        (
            (mining.connected, END),
            format!(
                "**mining**: `{victim}` at the pool `{}:{POOL_PORT}`; open when the capture ends",
                cast.pool.address
            ),
        ),
    ];
    let mut text = String::from("## Stages\n\n| from | to | what |\n|---|---|---|\n");
    for ((from, to), what) in rows {
        line(&mut text, format_args!("| {} | {} | {what} |", time(from), time(to)));
    }
    text
}

fn counts(truth: &Truth) -> String {
    let Truth { flood, guessing, mining, .. } = truth;
    let rows = [
        ("SYN segments of the flood", flood.synchronizes),
        ("addresses that they say they come from", flood.sources),
        ("SYN-ACK segments that answer them, repeated ones included", flood.answers),
        ("RST segments of hosts that exist at a spoofed address", flood.resets),
        ("RDP logons that the attacker tries and that fail", guessing.failures),
        ("RDP logons of the attacker that succeed (the right guess and the session)", 2),
        ("jobs that the pool hands out", mining.jobs),
        ("shares that are accepted", mining.accepted_first + mining.accepted),
        ("shares that are rejected", mining.rejected),
        ("`keepalived` requests of the miner", mining.keep_alives),
    ];
    let mut text = String::from("## Counts\n\n| what | count |\n|---|---:|\n");
    for (what, count) in rows {
        line(&mut text, format_args!("| {what} | {count} |"));
    }
    text
}

fn mining(truth: &Truth) -> String {
    let mining = &truth.mining;
    let mut text = String::from("## The miner\n\n| what | value |\n|---|---|\n");
    line(&mut text, format_args!("| wallet (its check digits are wrong: nobody's) | `{}` |", mining.wallet));
    line(&mut text, format_args!("| worker | `{WORKER}` |"));
    line(&mut text, format_args!("| agent | `{AGENT}` |"));
    line(
        &mut text,
        format_args!("| accepted at difficulty {FIRST_DIFFICULTY} | {} |", mining.accepted_first),
    );
    line(&mut text, format_args!("| accepted at difficulty {DIFFICULTY} | {} |", mining.accepted));
    line(&mut text, format_args!("| hash rate that it was written with | {HASH_RATE} H/s |"));
    line(
        &mut text,
        format_args!("| hash rate that its accepted shares show | {} H/s |", shown_hash_rate(truth)),
    );
    line(&mut text, format_args!("| last share answered | {} |", time(mining.last_share)));
    text
}

fn summary(truth: &Truth) -> String {
    let summary = &truth.summary;
    let rows = [
        ("frames", summary.frames),
        ("frames with TCP", summary.tcp_frames),
        ("frames with UDP", summary.udp_frames),
        ("frames with ICMP or ICMPv6", summary.icmp_frames),
        ("frames without IP (ARP)", summary.other_frames),
        ("conversations over TCP, as `tshark -z conv,tcp` counts them", summary.tcp_conversations),
        ("conversations over UDP", summary.udp_conversations),
    ];
    let mut text = String::from("## Totals\n\n| what | count |\n|---|---:|\n");
    for (what, count) in rows {
        line(&mut text, format_args!("| {what} | {count} |"));
    }
    text
}

/// Hashes for the accepted shares over the time from the login to the last of them.
fn shown_hash_rate(truth: &Truth) -> u128 {
    let mining = &truth.mining;
    let shares = |count: usize, difficulty: u32| u128::try_from(count).unwrap_or(0) * u128::from(difficulty);
    let hashes = shares(mining.accepted_first, FIRST_DIFFICULTY) + shares(mining.accepted, DIFFICULTY);
    hashes * 1000 / mining.last_share.saturating_sub(mining.connected).as_millis().max(1)
}

fn time(at: Duration) -> String {
    let (seconds, milliseconds) = (at.as_secs(), at.subsec_millis());
    format!("{:02}:{:02}.{milliseconds:03}", seconds / 60, seconds % 60)
}

fn line(text: &mut String, arguments: Arguments<'_>) {
    text.push_str(&arguments.to_string());
    text.push('\n');
}

const HEAD: &str = "# cryptojacking.pcap

Written by `cargo run -p pcaps --bin write-pcaps`, like this page: what it says is what was played. Change the code, not this file.

The capture begins at 2026-03-04 08:00:00 UTC. Times here are minutes, seconds and milliseconds since then. The probe stands at the
switch of the site `192.0.2.0/24`, `2001:db8:2::/64`. All addresses are for documentation (RFC 5737, RFC 3849), all names are reserved
(RFC 2606, RFC 6761), encrypted octets are random, and the files that are fetched hold no program.

`tshark -r cryptojacking.pcap -d tcp.port==3389,tls -d tcp.port==3333,json` shows what is inside RDP and the miner's connection.
";
