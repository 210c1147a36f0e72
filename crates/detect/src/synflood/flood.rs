use std::sync::LazyLock;

use wire::Timestamp;

use super::{
    alarm::{Alarm, Noted},
    config::JudgeConfig,
    estimate::{number, share},
    evidence::EvidenceList,
    server_state::ServerState,
    victim::{HALF_OPEN_SECONDS, History, VictimSecond, sent_by_clients},
};
use crate::{CaptureQuality, Evidence, Kind, Severity, Victim, View};

/// What a judge remembers of a victim: what is usual, how far it is from that, and since when.
#[derive(Debug, Default)]
pub(super) struct FloodTracker {
    history: History,
    /// The second that was taken in last.
    pub(super) last_second: u64,
    /// What usually leads nowhere in a second, how much that varies, and what is usually completed: exponential means.
    usual: f64,
    variation: f64,
    usual_completed: f64,
    /// The cumulative sum of what leads nowhere beyond what is usual.
    excess: f64,
    /// The same of SYN-ACKs that nobody asked for.
    unsolicited_excess: f64,
    /// The second from which on the floor was passed without a pause.
    floor_since: Option<u64>,
    /// Everything since there is any excess, which most of what is remembered never has.
    episode: Option<Box<VictimSecond>>,
    peak_per_second: u64,
    /// The most handshakes that the server may have held half open at a time.
    half_open_peak: u64,
    /// The last packet of a second that gave reason for an alarm.
    pub(super) last_seen: Timestamp,
    /// How the server bore it, as far as it was seen.
    server: Option<ServerState>,
    /// The server was seen to answer, in this episode or before.
    was_answering: bool,
    /// Until this second the server may repeat answers to a flood that was seen and is over.
    repeats_until: u64,
    pub(super) alarm: Option<Alarm>,
}

/// What a second is judged by.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent of each other")]
pub(super) struct Circumstances<'a> {
    pub(super) config: &'a JudgeConfig,
    pub(super) quality: CaptureQuality,
    /// The judge has watched for long enough to know what is usual.
    pub(super) has_learned: bool,
    pub(super) is_premature: bool,
    /// Those who open handshakes with the victim come back to the same ports again and again.
    pub(super) do_come_back: bool,
    /// The host or the network that the victim is a part of is flooded.
    pub(super) is_part_of_flooded: bool,
}

/// Which of its sums a second of a victim adds to.
#[derive(Clone, Copy, Debug)]
struct Above {
    leading_nowhere: bool,
    unsolicited: bool,
}

impl FloodTracker {
    /// Takes in a second of the victim and says which finding it makes, if any.
    pub(super) fn step(
        &mut self,
        victim: Victim,
        second: u64,
        count: &VictimSecond,
        circumstances: &Circumstances<'_>,
    ) -> Option<Noted> {
        let config = circumstances.config;
        self.forget(second, config);
        self.history.push(second, count, circumstances.is_premature);
        let is_odd = circumstances.has_learned
            || self.history.window(second, RECENT_SECONDS).ratio() >= config.learning_ratio;
        let mut above = self.measure(second, count, circumstances, is_odd);
        above.leading_nowhere &= is_odd;
        self.note_floor(second, config);
        self.note_episode(count);
        self.was_answering = self.was_answering || self.is_answering(second, count);
        let (kind, severity) = self.verdict(victim, second, count, above, circumstances)?;
        let noted = Alarm::note(&mut self.alarm, kind, severity, second);
        if self.alarm.is_some_and(|alarm| alarm.active == second) {
            self.last_seen = self.last_seen.max(count.span.last);
        }
        let state = ServerState::of(&self.history.window(second, STATE_SECONDS), self.was_answering);
        if state != ServerState::Unknown && self.server != Some(ServerState::BacklogExhausted) {
            self.server = Some(state);
        }
        noted
    }

    /// What is remembered once what was stated is over.
    pub(super) fn close(&mut self) {
        let flood = self.alarm.filter(|alarm| {
            // If no SYN was seen, its answers are all there is of the next one, too.
            alarm.kind == Kind::SynFlood && self.episode().leading_nowhere > 0
        });
        let repeats_until = flood.map_or(0, |alarm| alarm.active.saturating_add(HALF_OPEN_SECONDS));
        *self = Self { repeats_until, last_second: self.last_second, ..Self::default() };
    }

    /// Everything since there is any excess.
    pub(super) fn episode(&self) -> &VictimSecond {
        self.episode.as_deref().unwrap_or(&NOTHING)
    }

    /// The episode goes on while there is any excess, and begins anew after that.
    fn note_episode(&mut self, count: &VictimSecond) {
        let is_quiet = self.excess == 0.0 && self.unsolicited_excess == 0.0 && self.floor_since.is_none();
        if is_quiet && self.alarm.is_none() {
            self.episode = None;
            self.peak_per_second = 0;
            self.half_open_peak = 0;
            self.server = None;
        } else {
            self.episode.get_or_insert_default().add(count);
            self.peak_per_second = self.peak_per_second.max(count.leading_nowhere).max(count.unsolicited);
            self.half_open_peak = self.half_open_peak.max(self.history.minute().half_open());
        }
    }

    /// Does the server answer most, and enough of late to say so? What is at hand is asked first, since to fetch the history costs more.
    fn is_answering(&self, second: u64, count: &VictimSecond) -> bool {
        share(count.answered, count.fates.opened()) >= MOST
            && self.history.minute().answered >= ANSWERS_TO_TELL
            && self.history.window(second, RECENT_SECONDS).answered >= ANSWERS_TO_TELL
    }

    /// What is known fades in seconds without traffic.
    fn forget(&mut self, second: u64, config: &JudgeConfig) {
        let idle = second.saturating_sub(self.last_second).saturating_sub(1);
        self.last_second = second;
        if idle == 0 {
            return;
        }
        let kept = (1.0 - LEARNING_RATE).powi(i32::try_from(idle).unwrap_or(i32::MAX));
        self.usual *= kept;
        self.usual_completed *= kept;
        self.variation *= kept;
        self.excess = (self.excess - number(idle) * config.slack_per_second).max(0.0);
        self.unsolicited_excess = (self.unsolicited_excess - number(idle) * config.slack_per_second).max(0.0);
    }

    /// Updates the cumulative sums, and says which of them this second adds to.
    ///
    /// What is usual grows with the completed handshakes, so that a crowd is no attack (Siris and Papagalou, Globecom 2004,
    /// normalise likewise).
    fn measure(
        &mut self,
        second: u64,
        count: &VictimSecond,
        circumstances: &Circumstances<'_>,
        is_odd: bool,
    ) -> Above {
        let config = circumstances.config;
        let now = number(count.leading_nowhere);
        let per_completed = self.usual / self.usual_completed.max(1.0);
        let expected = self.usual.max(per_completed * number(count.fates.completed));
        let (opened, completed) = (number(count.fates.opened()), number(count.fates.completed));
        let usually = self.history.per_second(second);
        let lost = |of, seen| lost(circumstances.quality, of, seen);
        let known = expected + config.slack_per_second + VARIATIONS * self.variation;
        let allowed = known + lost(opened, completed.max(usually.completed));
        let ceiling = EXCESS_CEILING * config.prefix_excess;
        let above = Above {
            leading_nowhere: now > allowed,
            unsolicited: {
                let unseen = lost(number(count.syn_ack), opened.max(usually.opened));
                let is_repeated = second <= self.repeats_until;
                let unasked = if is_repeated { 0.0 } else { count.unasked() };
                let unasked = unasked - config.slack_per_second - unseen;
                self.unsolicited_excess = (self.unsolicited_excess + unasked).clamp(0.0, ceiling);
                unasked > 0.0
            },
        };
        self.excess = (self.excess + now - allowed).clamp(0.0, ceiling);
        if self.alarm.is_none() {
            // What looks like a flood teaches little: else its first second would make the rest of it usual.
            let lesson = if is_odd { now.min(known + config.slack_per_second) } else { now };
            self.variation += LEARNING_RATE * ((lesson - expected).abs() - self.variation);
            self.usual += LEARNING_RATE * (lesson - self.usual);
            self.usual_completed += LEARNING_RATE * (number(count.fates.completed) - self.usual_completed);
        }
        above
    }

    fn note_floor(&mut self, second: u64, config: &JudgeConfig) {
        let minute = self.history.minute();
        if minute.half_open() >= config.floor_half_open && minute.completion() < config.floor_completion {
            self.floor_since.get_or_insert(second);
        } else {
            self.floor_since = None;
        }
    }

    fn verdict(
        &self,
        victim: Victim,
        second: u64,
        count: &VictimSecond,
        above: Above,
        circumstances: &Circumstances<'_>,
    ) -> Option<(Kind, Severity)> {
        let config = circumstances.config;
        let is_wide = self.is_wide(victim, count, circumstances.do_come_back);
        let is_flooded = above.leading_nowhere && self.excess >= threshold(victim, config) && is_wide;
        if is_flooded {
            return Some((Kind::SynFlood, self.severity(second, config)));
        }
        let Victim::Port(..) = victim else { return None };
        let has_receivers = self.episode().receivers() >= BACKSCATTER_RECEIVERS;
        if above.unsolicited && self.unsolicited_excess >= config.reflection_excess && has_receivers {
            // Seen from one side only, that is what a flood of a server looks like whose clients are seen to go on.
            let is_severe = number(count.unsolicited) >= config.severe_per_second;
            return Some(match circumstances.quality.view {
                View::TowardsClients if is_severe => (Kind::SynFlood, Severity::High),
                View::TowardsClients => (Kind::SynFlood, Severity::Medium),
                _ => (Kind::Backscatter, Severity::Low),
            });
        }
        // Each host of a flooded network has its share, and none of them would be told by itself.
        let lasts = !circumstances.is_part_of_flooded
            && self.floor_since.is_some_and(|since| since + config.floor_seconds <= second);
        (lasts && count.fates.half_open > 0).then_some((Kind::SynFlood, Severity::Low))
    }

    /// A whole host or network is a victim only where no port stands out and sources are as many as handshakes: scans, too, add up
    /// to much, but come from few. Scans do not come back, either, and health checks that do are sent by whole TCPs.
    fn is_wide(&self, victim: Victim, count: &VictimSecond, do_come_back: bool) -> bool {
        let parts = match victim {
            Victim::Port(..) => return true,
            Victim::Address(_) => PORTS_OF_A_HOST,
            Victim::Prefix(_) | Victim::Many => HOSTS_OF_A_PREFIX,
        };
        let (episode, sources) = (self.episode(), self.episode().sources.distinct());
        let is_spoofed = share(sources, episode.leading_nowhere) >= SPOOFED_SHARE;
        let is_driven = do_come_back && !sent_by_clients(episode.with_options, episode.fates.opened());
        count.parts >= parts && (is_spoofed || is_driven)
    }

    fn severity(&self, second: u64, config: &JudgeConfig) -> Severity {
        let five = self.history.window(second, 5);
        let per_second = number(five.leading_nowhere) / 5.0;
        let episode = self.episode();
        match ServerState::of(&self.history.window(second, STATE_SECONDS), self.was_answering) {
            // A proxy whose server is down asks again for each of its clients.
            ServerState::PortClosed if sent_by_clients(episode.with_options, episode.fates.opened()) => {
                Severity::Low
            }
            ServerState::PortClosed => Severity::Medium,
            ServerState::BacklogExhausted => Severity::High,
            _ if per_second >= config.severe_per_second => Severity::High,
            _ => Severity::Medium,
        }
    }

    /// How the server bears it, or bore it when that was last seen.
    pub(super) fn server_state(&self) -> ServerState {
        self.server.unwrap_or(ServerState::Unknown)
    }

    /// How sure it is, from 0 to 1.
    pub(super) fn confidence(&self, quality: CaptureQuality) -> f64 {
        let alarm = self.alarm.map_or(Severity::Low, |alarm| alarm.severity);
        let episode = self.episode();
        let mut confidence = if alarm == Severity::Low { 0.4 } else { 0.65 };
        if share(episode.fates.half_open, episode.leading_nowhere) >= MOST {
            confidence += 0.1;
        }
        if episode.sources.share(|source| source.completed == 0) >= NEARLY_ALL {
            confidence += 0.1;
        }
        if episode.fingerprints.concentration() >= NEARLY_ALL
            || share(episode.with_options, episode.syn) < FEW
        {
            confidence += 0.1;
        }
        if !quality.view.shows_answers() {
            confidence -= 0.2;
        }
        (confidence - quality.missing).clamp(0.05, 0.95)
    }

    /// The numbers that it rests on.
    pub(super) fn evidence(&self, victim: Victim, config: &JudgeConfig) -> Vec<Evidence> {
        let episode = self.episode();
        let (ten, minute) = (self.history.window(self.last_second, RECENT_SECONDS), self.history.minute());
        EvidenceList::default()
            .text("server_state", self.server_state().name())
            .held_against("excess_cusum", self.excess, threshold(victim, config))
            .held_against("unsolicited_cusum", self.unsolicited_excess, config.reflection_excess)
            .held_against("leading_nowhere_ratio_10s", ten.ratio(), config.learning_ratio)
            .held_against("half_open_now", number(minute.half_open()), number(config.floor_half_open))
            .count("half_open_peak", self.half_open_peak)
            .held_against("completion_60s", minute.completion(), config.floor_completion)
            .count("peak_per_second", self.peak_per_second)
            .number("usual_per_second", self.usual)
            .count("syn", episode.syn)
            .count("syn_repeated", episode.syn_repeated)
            .count("syn_ack", episode.syn_ack)
            .count("opened", episode.fates.opened())
            .count("completed", episode.fates.completed)
            .count("half_open", episode.fates.half_open)
            .count("silent", episode.fates.silent)
            .count("refused", episode.fates.refused)
            .count("aborted", episode.fates.aborted)
            .count("retried", episode.fates.retried)
            .number("answered_share", share(episode.answered, episode.fates.opened()))
            .number("answered_again_share", share(episode.answered_again, episode.answered))
            .count("unsolicited_syn_ack", episode.unsolicited)
            .count("sources", episode.sources.distinct())
            .number("sources_seen_once_share", episode.sources.share(|source| source.opened == 1))
            .number("options_share", share(episode.with_options, episode.fates.opened()))
            .number("fingerprint_concentration", episode.fingerprints.concentration())
            .finish()
    }

    /// What it is called in ATT&CK.
    pub(super) fn techniques(&self, config: &JudgeConfig) -> Vec<&'static str> {
        let mut techniques = vec!["T1499.001"];
        if number(self.peak_per_second) >= config.severe_per_second {
            techniques.push("T1498.001");
        }
        techniques
    }
}

/// Of `of` handshakes, those that only look as if they led nowhere, or had not been asked for, since packets of them are missing in the
/// capture. `seen` is how many of the same show what the others do not: that somebody goes on, or asked.
///
/// Where each packet is missing with probability p, of completed handshakes of which SYN, SYN-ACK or both are seen
/// [`CaptureQuality::missing`] is m = 2p / (1 + p), so that m / (1 - m) / 2 = p / (1 - p). Even if one packet alone showed it, that would
/// be missing p / (1 - p) times for each time that it is seen. No more than that are lost, however many a flood opens.
fn lost(quality: CaptureQuality, of: f64, seen: f64) -> f64 {
    let odds = quality.missing / (1.0 - quality.missing).max(f64::EPSILON) / 2.0;
    (quality.missing * of).min(odds * seen)
}

fn threshold(victim: Victim, config: &JudgeConfig) -> f64 {
    match victim {
        Victim::Port(..) => config.port_excess,
        Victim::Address(_) => config.address_excess,
        Victim::Prefix(_) | Victim::Many => config.prefix_excess,
    }
}

/// No episode.
static NOTHING: LazyLock<VictimSecond> = LazyLock::new(VictimSecond::default);
/// Half of what is learned is of the last twenty seconds.
const LEARNING_RATE: f64 = 1.0 / 30.0;
/// Mean deviations that are put down to chance.
const VARIATIONS: f64 = 3.0;
/// The sums stop growing there, so that they come down within a reasonable time.
const EXCESS_CEILING: f64 = 4.0;
const RECENT_SECONDS: u32 = 10;
const STATE_SECONDS: u32 = 3;
const ANSWERS_TO_TELL: u64 = 20;
const PORTS_OF_A_HOST: u64 = 2;
const HOSTS_OF_A_PREFIX: u64 = 8;
/// Receivers of SYN-ACKs; fewer are victims of a reflection, not chance.
const BACKSCATTER_RECEIVERS: u64 = 16;
const SPOOFED_SHARE: f64 = 0.5;
const NEARLY_ALL: f64 = 0.9;
const MOST: f64 = 0.5;
const FEW: f64 = 0.1;
