//! Whether the interfaces that are watched are up, so that somebody hears of it when they are not.

use std::collections::BTreeMap;

use nix::{
    ifaddrs::getifaddrs,
    net::if_::{InterfaceFlags, if_nametoindex},
};

/// The interfaces of a run, as they were when they were last looked at.
#[derive(Debug)]
pub(crate) struct Links {
    links: Vec<Link>,
}

#[derive(Debug)]
struct Link {
    /// As it was asked for. It may have another name by now.
    name: String,
    index: u32,
    state: State,
}

/// What became of an interface.
#[derive(Clone, Debug, Eq, PartialEq)]
enum State {
    Up {
        name: String,
    },
    Down,
    /// It was removed, or moved to where the program is not.
    Gone,
}

impl Links {
    /// Those of `names`, taken to be up: they have been opened.
    pub(crate) fn new(names: &[String]) -> Self {
        let link = |name: &String| Link {
            name: name.clone(),
            // `any` has no number, and does not go down.
            index: if_nametoindex(name.as_str()).unwrap_or_default(),
            state: State::Up { name: name.clone() },
        };
        Self { links: names.iter().map(link).filter(|link| link.index > 0).collect() }
    }

    /// What has changed since the last look, in a sentence each.
    pub(crate) fn changes(&mut self) -> Vec<String> {
        // Without an answer there is nothing to say.
        let Some(now) = states() else { return Vec::new() };
        self.links.iter_mut().filter_map(|link| link.change(&now)).collect()
    }
}

impl Link {
    fn change(&mut self, now: &BTreeMap<u32, State>) -> Option<String> {
        let state = now.get(&self.index).cloned().unwrap_or(State::Gone);
        if state == self.state {
            return None;
        }
        let was = std::mem::replace(&mut self.state, state);
        let name = &self.name;
        Some(match (was, &self.state) {
            (_, State::Gone) => format!("interface {name} is gone"),
            (_, State::Down) => {
                format!("interface {name} is down; it is watched again when it comes back")
            }
            (State::Up { .. }, State::Up { name: other }) => {
                format!("interface {name} is called {other} now")
            }
            (_, State::Up { name: other }) if other == name => format!("interface {name} is up again"),
            (_, State::Up { name: other }) => format!("interface {name} is up again, and called {other} now"),
        })
    }
}

/// All interfaces by their numbers.
fn states() -> Option<BTreeMap<u32, State>> {
    let states = getifaddrs().ok()?.filter_map(|interface| {
        let address = interface.address?;
        let number = address.as_link_addr()?.ifindex();
        let is_up = interface.flags.contains(InterfaceFlags::IFF_UP);
        let state = if is_up { State::Up { name: interface.interface_name } } else { State::Down };
        Some((u32::try_from(number).ok()?, state))
    });
    Some(states.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_said_once() {
        let up = |name: &str| State::Up { name: name.to_owned() };
        let mut link = Link { name: "tap0".to_owned(), index: 7, state: up("tap0") };
        let mut after =
            |state: Option<State>| link.change(&state.map(|state| (7, state)).into_iter().collect());
        assert_eq!(after(Some(up("tap0"))), None);
        let down = "interface tap0 is down; it is watched again when it comes back";
        assert_eq!(after(Some(State::Down)).as_deref(), Some(down));
        assert_eq!(after(Some(State::Down)), None);
        assert_eq!(after(Some(up("tap0"))).as_deref(), Some("interface tap0 is up again"));
        let renamed = "interface tap0 is called span now";
        assert_eq!(after(Some(up("span"))).as_deref(), Some(renamed));
        assert_eq!(after(None).as_deref(), Some("interface tap0 is gone"));
        assert_eq!(after(None), None);
    }

    #[test]
    fn the_loopback_interface_is_there() {
        assert!(Links::new(&["lo".to_owned()]).links.len() == 1);
        assert!(states().unwrap().contains_key(&1));
    }
}
