//! The kinds of values: how each is read, by the same words as on the command line, and how it is shown.

use std::{
    fmt,
    marker::PhantomData,
    net::SocketAddr,
    num::{NonZeroU16, NonZeroU32},
    path::PathBuf,
    str::FromStr,
    time::Duration,
};

use bytesize::ByteSize;
use clap::ValueEnum;
use report::EveTypes;
use serde::{
    Deserialize, Deserializer,
    de::{self, Visitor},
};

use crate::{
    arguments::{
        ApplicationFields, Detection, FanoutMode, FindingsExport, IpfixProfile, SampleUnit, SummaryForm,
        values,
    },
    cpus::CpuChoice,
    destination::{Destination, EvePath, FlowsPath},
};

/// A kind of value.
pub(super) trait Value {
    /// What the arguments hold.
    type Place;

    fn into_place(self) -> Self::Place;

    /// As TOML; `None` if it is not set.
    fn show(place: &Self::Place) -> Option<String>;
}

/// A value that has one word for it, or a number.
trait Word: Sized {
    fn read(word: &str) -> Result<Self, String>;
}

/// Writes down kinds of words: what the arguments hold, how it is read, how it is shown.
macro_rules! words {
    ($($kind:ident($place:ty), $read:expr, $show:expr;)+) => {
        $(
            #[derive(Debug)]
            pub(super) struct $kind($place);

            impl Word for $kind {
                fn read(word: &str) -> Result<Self, String> {
                    let read: fn(&str) -> Result<$place, String> = $read;
                    read(word).map(Self)
                }
            }

            impl Value for $kind {
                type Place = $place;

                fn into_place(self) -> $place {
                    self.0
                }

                fn show(place: &$place) -> Option<String> {
                    let show: fn(&$place) -> Option<String> = $show;
                    show(place)
                }
            }

            impl<'de> Deserialize<'de> for $kind {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    deserializer.deserialize_any(Words(PhantomData))
                }
            }
        )+
    };
}

words! {
    Name(String), some_text, |name| Some(quoted(name));
    Fanout(FanoutMode), choice, chosen;
    Ring(ByteSize), values::ring, octets;
    SnapLength(u32), values::snap_length, number;
    CpuList(CpuChoice), CpuChoice::from_str, |cpus| Some(quoted(cpus));
    User(Option<String>), |name| some_text(name).map(Some), |name| name.as_ref().map(quoted);
    Metrics(Option<SocketAddr>), |address| values::metrics(address).map(Some), |address| {
        address.as_ref().map(quoted)
    };
    Time(Duration), values::duration, time;
    WholeSeconds(Duration), values::refresh, time;
    Window(Duration), values::incident_window, time;
    Filter(Option<String>), |text| Ok(Some(text.to_owned())), |text| text.as_ref().map(quoted);
    Sample(Option<NonZeroU32>), |text| values::sample(text).map(Some), |one_in| {
        one_in.map(|one_in| quoted(format_args!("1:{one_in}")))
    };
    SampleBy(SampleUnit), choice, chosen;
    Workers(NonZeroU16), values::workers, number;
    Memory(ByteSize), values::memory, octets;
    Payload(u16), values::payload, number;
    Export(Destination), Destination::from_str, |destination| Some(quoted(destination));
    Flows(Option<FlowsPath>), |path| path.parse().map(Some), |flows| {
        flows.as_ref().map(|flows| quoted(flows.path.as_deref().unwrap_or_else(|| "-".as_ref()).display()))
    };
    Eve(Option<EvePath>), |path| path.parse().map(Some), |eve| {
        eve.as_ref().map(|eve| quoted(eve.0.as_deref().unwrap_or_else(|| "-".as_ref()).display()))
    };
    EveLines(EveTypes), |types| types.parse().map_err(|error: report::UnknownEveType| error.to_string()),
        |types| Some(quoted(types));
    Summary(SummaryForm), choice, chosen;
    Domain(u32), |text| whole(text, 0, u32::MAX), number;
    MessageOctets(Option<u16>), |text| values::message_octets(text).map(Some), |octets| {
        octets.as_ref().and_then(number)
    };
    Pen(u32), values::pen, number;
    FindingsMode(FindingsExport), choice, chosen;
    Profile(IpfixProfile), choice, chosen;
    Folder(Option<PathBuf>), |path| some_text(path).map(|path| Some(path.into())), |path| {
        path.as_ref().map(|path| quoted(path.display()))
    };
    SpoolSize(ByteSize), values::spool_size, octets;
    Rate(u32), |text| whole(text, 0, u32::MAX), number;
    Count(u64), |text| whole(text, 1, MOST_COUNT), number;
    SmallCount(u32), |text| whole(text, 1, MOST_SMALL_COUNT), number;
    Seconds(u64), |text| whole(text, 1, MOST_SECONDS), number;
    Room(usize), |text| whole(text, 1, MOST_ROOM), number;
    Amount(f64), |text| real(text, |number| number > 0.0 && number <= MOST_AMOUNT, "a number above 0"), number;
    Share(f64), |text| real(text, |number| (0.0..=1.0).contains(&number), "a share from 0 to 1"), number;
}

/// Several values of a kind.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct List<V>(Vec<V>);

impl<V: Value> Value for List<V> {
    type Place = Vec<V::Place>;

    fn into_place(self) -> Self::Place {
        self.0.into_iter().map(V::into_place).collect()
    }

    fn show(place: &Self::Place) -> Option<String> {
        let values: Vec<_> = place.iter().filter_map(V::show).collect();
        Some(format!("[{}]", values.join(", ")))
    }
}

/// Whether something is done that an option switches on.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Switch(bool);

impl Value for Switch {
    type Place = bool;

    fn into_place(self) -> bool {
        self.0
    }

    fn show(place: &bool) -> Option<String> {
        Some(place.to_string())
    }
}

/// Whether something is done that an option switches off.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Inverted(bool);

impl Value for Inverted {
    type Place = bool;

    fn into_place(self) -> bool {
        !self.0
    }

    fn show(place: &bool) -> Option<String> {
        Some((!place).to_string())
    }
}

/// Whether detectors run.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct DetectionSwitch(bool);

impl Value for DetectionSwitch {
    type Place = Detection;

    fn into_place(self) -> Detection {
        if self.0 { Detection::On } else { Detection::Off }
    }

    fn show(place: &Detection) -> Option<String> {
        Some((*place == Detection::On).to_string())
    }
}

#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct ApplicationSwitch(bool);

impl Value for ApplicationSwitch {
    type Place = ApplicationFields;

    fn into_place(self) -> ApplicationFields {
        if self.0 { ApplicationFields::On } else { ApplicationFields::Off }
    }

    fn show(place: &ApplicationFields) -> Option<String> {
        Some((*place == ApplicationFields::On).to_string())
    }
}

/// Reads a word, or a number as its word.
struct Words<W>(PhantomData<W>);

impl<W: Word> Visitor<'_> for Words<W> {
    type Value = W;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text or a number")
    }

    fn visit_str<E: de::Error>(self, word: &str) -> Result<W, E> {
        W::read(word).map_err(|reason| E::custom(format!("`{word}`: {reason}")))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<W, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<W, E> {
        self.visit_str(&number.to_string())
    }
}

fn some_text(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("it is empty".to_owned()) } else { Ok(text.to_owned()) }
}

fn choice<T: ValueEnum>(word: &str) -> Result<T, String> {
    T::from_str(word, false).map_err(|_| {
        let words = T::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        let words: Vec<_> = words.map(|value| value.get_name().to_owned()).collect();
        format!("one of {}", words.join(", "))
    })
}

fn whole<T: Copy + FromStr + PartialOrd + fmt::Display>(text: &str, least: T, most: T) -> Result<T, String> {
    match text.parse() {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        _ => Err(format!("a whole number from {least} to {most}")),
    }
}

fn real(text: &str, is_right: fn(f64) -> bool, what: &str) -> Result<f64, String> {
    text.parse().ok().filter(|number| is_right(*number)).ok_or_else(|| what.to_owned())
}

fn chosen<T: ValueEnum>(value: &T) -> Option<String> {
    value.to_possible_value().map(|value| quoted(value.get_name()))
}

#[expect(clippy::unnecessary_wraps, reason = "as all that show")]
fn number<T: fmt::Display>(number: &T) -> Option<String> {
    Some(number.to_string())
}

/// In the largest unit that leaves it a whole number.
#[expect(clippy::trivially_copy_pass_by_ref, clippy::unnecessary_wraps, reason = "as all that show")]
fn octets(size: &ByteSize) -> Option<String> {
    let octets = size.as_u64();
    let unit = [(30, "GiB"), (20, "MiB"), (10, "KiB")]
        .into_iter()
        .find(|(bits, _)| octets.is_multiple_of(1 << bits));
    let text = unit.map_or_else(|| format!("{octets}B"), |(bits, name)| format!("{}{name}", octets >> bits));
    Some(quoted(text))
}

/// In the largest unit that leaves it a whole number, or in parts of a second.
#[expect(clippy::unnecessary_wraps, reason = "as all that show")]
fn time(time: &Duration) -> Option<String> {
    let seconds = time.as_secs();
    let unit = [(3_600, "h"), (60, "m")].into_iter().find(|(unit, _)| seconds.is_multiple_of(*unit));
    Some(quoted(match unit {
        Some((unit, name)) if time.subsec_nanos() == 0 => format!("{}{name}", seconds / unit),
        _ => format!("{}s", time.as_secs_f64()),
    }))
}

/// As a basic string of TOML, which JSON's are, too: both escape quotation marks, backslashes and control characters alike.
fn quoted(text: impl fmt::Display) -> String {
    serde_json::Value::from(text.to_string()).to_string()
}

/// A threshold above these says nothing any more, and sums of them do not overflow.
const MOST_COUNT: u64 = 1_000_000_000;
const MOST_SMALL_COUNT: u32 = 1_000_000;
const MOST_AMOUNT: f64 = 1e9;
/// A week.
const MOST_SECONDS: u64 = 7 * 24 * 3_600;
/// Some hundred octets each.
const MOST_ROOM: usize = 1 << 20;
