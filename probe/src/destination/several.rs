use std::{fmt, str::FromStr};

use super::Destination;

/// Several collectors in one `--export`, separated by commas, the preferred one first.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Several(Vec<Destination>);

impl Several {
    /// Reads what stands behind `failover:`: collectors of which it is known whether they are there.
    pub(super) fn failover(text: &str) -> Result<Self, String> {
        let several = text.parse::<Self>()?;
        let is_known = |member: &Destination| matches!(member, Destination::Tcp(_) | Destination::Tls(_));
        if several.0.iter().all(is_known) {
            Ok(several)
        } else {
            Err("only a collector over tcp or tls can be stood in for: of another nobody knows whether it is there".to_owned())
        }
    }

    /// Reads what stands behind `spread:`: collectors of any kind.
    pub(super) fn spread(text: &str) -> Result<Self, String> {
        let several = text.parse::<Self>()?;
        let is_collector = |member: &Destination| {
            matches!(member, Destination::Udp(_) | Destination::Tcp(_) | Destination::Tls(_))
        };
        if several.0.iter().all(is_collector) {
            Ok(several)
        } else {
            Err("flows are spread over collectors: udp, tcp and tls".to_owned())
        }
    }

    pub(crate) fn members(&self) -> &[Destination] {
        &self.0
    }
}

impl FromStr for Several {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let too_few = || "name two collectors or more, separated by commas".to_owned();
        if text.is_empty() {
            return Err(too_few());
        }
        let members = text
            .split(',')
            .map(|member| member.parse().map_err(|error| format!("{member}: {error}")))
            .collect::<Result<Vec<Destination>, _>>()?;
        if members.len() < 2 {
            return Err(too_few());
        }
        for (place, member) in members.iter().enumerate() {
            if members.iter().take(place).any(|before| before.collector() == member.collector()) {
                return Err(format!("{member} is there twice"));
            }
        }
        Ok(Self(members))
    }
}

impl fmt::Display for Several {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, member) in self.0.iter().enumerate() {
            let comma = if place > 0 { "," } else { "" };
            write!(f, "{comma}{member}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_said() {
        let said = |text: &str| text.parse::<Destination>().unwrap_err();
        assert_eq!(said("spread:"), "name two collectors or more, separated by commas");
        assert_eq!(said("failover:tcp://a"), said("failover:"));
    }

    #[test]
    fn several_are_separated_by_commas() {
        let text = "failover:tcp://a:4739,tls://b:4740?ca=c,tcp://[::1]:99";
        let failover: Destination = text.parse().unwrap();
        assert_eq!(failover.to_string(), text);
        assert_eq!(failover.spool().as_deref(), Some("failover-tcp-a:4739,tls-b:4740,tcp-::1:99"));
        let text = "spread:udp://a:4739,tcp://b:4739";
        let spread: Destination = text.parse().unwrap();
        assert_eq!(spread.to_string(), text);
        assert_eq!(
            spread.outputs().map(Destination::to_string).collect::<Vec<_>>(),
            ["udp://a:4739", "tcp://b:4739"]
        );
        for wrong in [
            "failover:",
            "failover:tcp://a",
            "failover:tcp://a,tcp://a:4739",
            "failover:tcp://a,udp://b",
            "failover:tcp://a,file:b",
            "spread:udp://a",
            "spread:udp://a,file:b",
            "spread:udp://a,failover:tcp://b,tcp://c",
            "spread:udp://a,",
        ] {
            assert!(wrong.parse::<Destination>().is_err(), "{wrong}");
        }
    }
}
