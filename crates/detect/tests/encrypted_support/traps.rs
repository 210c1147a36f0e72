//! What is long and small, or much, and never mining.

use super::{Script, Tls};

/// All of them, by name.
pub(crate) fn traps() -> Vec<(&'static str, Script)> {
    [clocks_and_tiny_answers(), things_of_all_lengths(), much_or_one_way()].concat()
}

fn trap(name: &'static str, play: impl FnOnce(&mut Script)) -> (&'static str, Script) {
    let mut script = Tls::new().script();
    play(&mut script);
    (name, script)
}

fn clocks_and_tiny_answers() -> Vec<(&'static str, Script)> {
    vec![
        trap("IMAP with IDLE", |script| {
            script.push(0.5, 90);
            script.ask(1.0, 40, 60);
            for number in 0..40 {
                script.push(60.0 + 97.0 * f64::from(number), 24);
                script.ask(61.0 + 97.0 * f64::from(number), 60, 90);
            }
        }),
        trap("signs of life of MQTT", |script| {
            script.ask(0.5, 80, 4);
            (1..60).for_each(|number| script.ask(60.0 * f64::from(number), 2, 2));
            script.lucky(50, 120.0, |script, time| script.push(time, 150));
        }),
        trap("measurements over MQTT", |script| {
            script.ask(0.5, 80, 4);
            script.lucky(100, 20.0, |script, time| script.ask(time, 160, 4));
            script.lucky(20, 100.0, |script, time| script.push(time, 150));
        }),
        trap("a clock that polls and is pushed to", |script| {
            script.ask(0.5, 200, 300);
            (1..60).for_each(|number| script.ask(30.0 * f64::from(number), 180, 60));
            script.lucky(20, 90.0, |script, time| script.push(time, 300));
        }),
        trap("keys that are pressed, and a status line", |script| {
            script.ask(0.5, 180, 300);
            script.lucky(100, 20.0, |script, time| script.ask(time, 52, 36));
            script.lucky(20, 90.0, |script, time| script.push(time, 300));
        }),
        trap("reports that are acknowledged, and calls of a few octets", |script| {
            script.ask(0.5, 180, 300);
            script.lucky(100, 20.0, |script, time| script.ask(time, 180, 60));
            script.lucky(20, 90.0, |script, time| script.push(time, 12));
        }),
        trap("reports and commands, both acknowledged", |script| {
            script.ask(0.5, 250, 150);
            script.lucky(100, 20.0, |script, time| script.ask(time, 180, 60));
            script.lucky(20, 90.0, |script, time| {
                script.push(time, 300);
                script.tell(time + 0.08, 60);
            });
        }),
        trap("reports that are acknowledged and nothing else", |script| {
            script.ask(0.5, 200, 300);
            script.lucky(200, 20.0, |script, time| script.ask(time, 180, 60));
        }),
        trap("reports that are seldom acknowledged, and a feed", |script| {
            script.ask(0.5, 180, 300);
            script.lucky(100, 20.0, |script, time| script.tell(time, 180));
            script.lucky(50, 40.0, |script, time| script.ask(time, 180, 60));
            script.lucky(20, 90.0, |script, time| script.push(time, 300));
        }),
    ]
}

fn things_of_all_lengths() -> Vec<(&'static str, Script)> {
    vec![
        trap("talk over XMPP or WebSocket", |script| {
            script.ask(0.5, 180, 300);
            script.varied(150, 20.0, 80..460, |script, time, octets| script.ask(time, octets, 40));
            script.varied(150, 20.0, 80..900, Script::push);
        }),
        trap("forms that are acknowledged, and a feed", |script| {
            script.ask(0.5, 180, 300);
            script.varied(100, 20.0, 80..460, |script, time, octets| script.ask(time, octets, 40));
            script.lucky(20, 90.0, |script, time| script.push(time, 300));
        }),
        trap("look-ups of short values, and a feed", |script| {
            script.ask(0.5, 180, 300);
            script.varied(100, 20.0, 20..180, |script, time, octets| script.ask(time, 190, octets));
            script.lucky(20, 90.0, |script, time| script.push(time, 300));
        }),
        trap("alarms that are acknowledged, and news", |script| {
            script.ask(0.5, 180, 300);
            script.lucky(100, 20.0, |script, time| script.ask(time, 180, 60));
            script.varied(40, 50.0, 100..1_600, Script::push);
        }),
        trap("a push service", |script| {
            script.ask(0.5, 300, 100);
            (1..8).for_each(|number| script.ask(900.0 * f64::from(number), 14, 14));
            script.varied(30, 200.0, 200..2_000, Script::push);
        }),
        trap("a shell", |script| {
            script.ask(0.5, 60, 60);
            script.lucky(300, 4.0, |script, time| script.ask(time, 36, 36));
            script.varied(100, 12.0, 40..3_000, Script::push);
        }),
        trap("a database", |script| {
            script.ask(0.5, 100, 300);
            script.varied(300, 6.0, 60..480, |script, time, octets| {
                script.ask(time, octets, 3 * octets % 1_900);
            });
        }),
    ]
}

fn much_or_one_way() -> Vec<(&'static str, Script)> {
    vec![
        trap("many reports, and a feed", |script| {
            script.ask(0.5, 180, 300);
            script.lucky(900, 1.0, |script, time| script.ask(time, 180, 60));
            script.lucky(20, 45.0, |script, time| script.push(time, 300));
        }),
        trap("a private network", |script| {
            script.ask(0.5, 200, 200);
            script.varied(5_000, 0.1, 60..1_400, |script, time, octets| script.ask(time, octets, 1_400));
        }),
        trap("a log that goes one way", |script| {
            script.ask(0.5, 200, 50);
            script.varied(300, 8.0, 100..400, Script::tell);
        }),
        trap("a download", |script| {
            script.ask(0.5, 300, 1_000);
            (0..200).for_each(|number| script.push(6.0 + 0.1 * f64::from(number), 16_000));
        }),
        trap("a feed of prices", |script| {
            script.ask(0.5, 300, 1_000);
            (0..6_000).for_each(|number| script.push(6.0 + 0.2 * f64::from(number), 200));
            script.lucky(60, 20.0, |script, time| script.ask(time, 180, 60));
        }),
    ]
}
