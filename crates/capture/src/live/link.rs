use nix::{ifaddrs::getifaddrs, net::if_::InterfaceFlags, sys::socket::LinkAddr};

/// What the system says of an interface.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    /// Its number, and where to send to it; of any protocol.
    pub(super) address: LinkAddr,
    flags: InterfaceFlags,
}

impl Link {
    /// The interface that has this name now.
    pub(super) fn of(name: &str) -> Option<Self> {
        let found = getifaddrs().ok()?.filter(|found| found.interface_name == name);
        let mut links = found
            .filter_map(|found| Some(Self { address: *found.address?.as_link_addr()?, flags: found.flags }));
        links.next()
    }

    pub(super) fn number(&self) -> i32 {
        i32::try_from(self.address.ifindex()).unwrap_or_default()
    }

    pub(super) fn is_up(&self) -> bool {
        self.flags.contains(InterfaceFlags::IFF_UP)
    }

    /// Whether what goes out of it comes in again.
    pub(super) fn is_loopback(&self) -> bool {
        self.flags.contains(InterfaceFlags::IFF_LOOPBACK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_interface_is_one() {
        let link = Link::of("lo").unwrap();
        assert!(link.is_loopback() && link.number() > 0);
        assert!(Link::of("no such interface").is_none());
    }
}
