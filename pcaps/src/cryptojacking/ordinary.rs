//! What goes on at the site while nobody looks: visits, names, clocks, monitoring, and an administrator at work.

use std::time::Duration;

use super::{
    END, EPOCH,
    cast::{Cast, OUTSIDE_NAME, SITE_NAME, VICTIM_NAME},
    seconds,
};
use crate::{
    conversation::Conversation,
    host::Path,
    protocol::{credssp::Logon, http},
    recording::Recording,
    scenes::{
        housekeeping,
        names::Lookup,
        remote_desktop::{Attempt, Desktop, Outcome, Program},
        web::{Loss, Visit},
    },
};

/// Visitors from outside at the site's web server, more of them while the flood of `busy` lasts, so that some
/// fall into it.
pub(super) fn visits(cast: &Cast, certificate: &[u8], busy: (Duration, Duration)) -> Recording {
    let mut recording = Recording::seeded("visits");
    let mut at = seconds(3);
    let mut number = 0_u8;
    while at < LAST_VISIT {
        number = number.wrapping_add(1);
        let way = recording.random.between(9, 120);
        let path = Path::to_client_afar(way);
        let port = recording.random.client_port();
        let visit = Visit {
            path,
            client: Cast::visitor(number.wrapping_mul(7)).port(port),
            server: cast.victim.port(80),
            host_name: SITE_NAME,
            agent: http::BROWSER,
        };
        match number % 8 {
            0 | 4 if !number.is_multiple_of(12) => {
                let visit = Visit { server: cast.victim.port(443), ..visit };
                visit.encrypted(&mut recording, certificate, &[(410, 2900), (330, 900)], at);
            }
            // A port that nothing listens on.
            5 if number % 16 == 5 => {
                let server = cast.victim.port(8080);
                Conversation::refused(&mut recording, path, visit.client, server, at);
            }
            2 => {
                let client = Cast::visitor_v6(number.wrapping_mul(7)).port(port);
                let visit = Visit { client, server: cast.victim_v6.port(80), ..visit };
                visit.plain(&mut recording, &[("/", 1900)], Loss::None, at);
            }
            _ => {
                let length = recording.random.count(300, 2600);
                let loss = match number {
                    9 | 22 | 33 => Loss::Answer(0),
                    // In the flood a full queue is one more reason for a client to try again.
                    _ if (busy.0..busy.1).contains(&at) && number.is_multiple_of(3) => Loss::Synchronize,
                    _ => Loss::None,
                };
                let pages = [("/", length), ("/style.css", 640)];
                visit.plain(&mut recording, &pages[..=usize::from(number.is_multiple_of(3))], loss, at);
            }
        }
        at = next_visit(&mut recording, busy, at);
    }
    recording
}

/// Somebody comes every minute or so; in the flood every few seconds, from its first second on.
fn next_visit(recording: &mut Recording, busy: (Duration, Duration), at: Duration) -> Duration {
    let mean = if (busy.0..busy.1).contains(&at) { seconds(3) } else { seconds(54) };
    let next = at + Duration::from_millis(400) + recording.random.waiting_time(mean);
    if at < busy.0 && next > busy.0 { busy.0 + Duration::from_millis(700) } else { next }
}

/// A workstation asks for a name and visits the server that has it.
pub(super) fn browsing(cast: &Cast, certificate: &[u8]) -> Recording {
    let mut recording = Recording::seeded("browsing");
    let mut at = seconds(11);
    let mut number = 0_u32;
    while at < LAST_VISIT {
        number += 1;
        let is_v6 = number.is_multiple_of(3);
        let (client, resolver, server) = if is_v6 {
            (cast.workstation_v6, cast.resolver_v6, cast.outside_web_v6)
        } else {
            (cast.workstation, cast.resolver, cast.outside_web)
        };
        let addresses = [cast.outside_web.address, cast.outside_web_v6.address];
        let lookup = Lookup { client, resolver };
        let named = lookup.resolve(&mut recording, OUTSIDE_NAME, &addresses, at);
        let news = Visit {
            path: Path::to_server_afar(17),
            client: client.port(recording.random.client_port()),
            server: server.port(443),
            host_name: OUTSIDE_NAME,
            agent: http::BROWSER,
        };
        let answer = recording.random.count(600, 5200);
        news.encrypted(&mut recording, certificate, &[(520, answer), (370, 280)], named);
        if number.is_multiple_of(4) {
            lookup.resolve(&mut recording, "printer.example.org", &[], at + seconds(9));
        }
        at += seconds(25) + recording.random.waiting_time(seconds(230));
    }
    recording
}

/// Clocks, monitoring and address resolution.
pub(super) fn housekeeping(cast: &Cast) -> Recording {
    let mut recording = Recording::seeded("housekeeping");
    let outside = Path::to_server_afar(12);
    for (client, first) in [(cast.victim, 5), (cast.resolver, 61), (cast.workstation, 122)] {
        let mut at = seconds(first);
        while at < END {
            housekeeping::set_clock(&mut recording, outside, client, cast.time_server, EPOCH, at);
            at += seconds(256) + recording.random.time(Duration::ZERO, seconds(2));
        }
    }
    // The first frame of all is at the very beginning, so that times since it are times of the story.
    let mut at = Duration::ZERO;
    while at < LAST_VISIT {
        let monitor = cast.monitor;
        housekeeping::resolve_neighbor(&mut recording, monitor, cast.victim, at);
        housekeeping::echo(
            &mut recording,
            Path::near(),
            monitor,
            cast.victim,
            2,
            at + Duration::from_micros(400),
        );
        let later = at + seconds(30);
        let workstation = cast.workstation_v6;
        housekeeping::resolve_neighbor(&mut recording, workstation, cast.resolver_v6, later);
        housekeeping::echo(
            &mut recording,
            Path::near(),
            workstation,
            cast.resolver_v6,
            1,
            later + seconds(1),
        );
        at += seconds(180);
    }
    recording
}

/// The administrator mistypes the password once, and then works for a while.
pub(super) fn administration(
    cast: &Cast,
    desktop: &Desktop<'_>,
    start: Duration,
    end: Duration,
) -> Recording {
    let mut recording = Recording::seeded("administration");
    let service = format!("TERMSRV/{VICTIM_NAME}");
    let attempt = Attempt {
        path: Path::near(),
        client: cast.administrator.port(50_112),
        program: Program::Microsoft,
        logon: Logon {
            user: "j.novak",
            password: "a long and good password",
            workstation: "ADMIN-PC",
            service: &service,
        },
    };
    let refused = attempt.play(&mut recording, desktop, Outcome::RefusedWithReason, start);
    let again = Attempt { client: cast.administrator.port(50_115), ..attempt };
    again.play(&mut recording, desktop, Outcome::Session(end), refused + seconds(9));
    recording
}

/// Late enough, and early enough for what was begun to come to its end.
const LAST_VISIT: Duration = seconds(END.as_secs() - 60);
