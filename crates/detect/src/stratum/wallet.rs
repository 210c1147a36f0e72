use super::facts::Dialect;

/// A user name at a pool, taken apart.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Name<'a> {
    pub(super) wallet: Option<&'a str>,
    pub(super) worker: Option<&'a str>,
    pub(super) coin: Option<&'static str>,
}

/// Takes a user name apart: `payee.worker`, `payee/worker`, `payee+difficulty.worker`, `payee.worker/mail@address`, `coin:payee`.
pub(super) fn parse(user: &str) -> Name<'_> {
    let end = user.find(['.', '/', '+', ',', ';', '=']).unwrap_or(user.len());
    let (payee, rest) = user.split_at(end);
    // Where payees are told by mail of what their machines do, the address comes last.
    let rest = rest.rsplit_once('/').filter(|(_, mail)| mail.contains('@')).map_or(rest, |(named, _)| named);
    let worker = rest.rsplit(['.', '/']).next().filter(|worker| !worker.is_empty() && *worker != rest);
    // Who has brought the payee there may follow.
    let worker = worker.and_then(|worker| worker.split('#').next()).filter(|worker| !worker.is_empty());
    let coin = coin_of_address(payee);
    // Some pools pay users that they know by name; that is a payee, too, and worth as much to who asks where the money goes.
    Name { wallet: Some(payee).filter(|payee| !payee.is_empty()), worker, coin }
}

/// The coin whose addresses look like this.
fn coin_of_address(address: &str) -> Option<&'static str> {
    let is_base58 =
        || address.bytes().all(|octet| octet.is_ascii_alphanumeric() && !b"0OIl".contains(&octet));
    let is_hexadecimal =
        |digits: &str| digits.len() == 40 && digits.bytes().all(|octet| octet.is_ascii_hexdigit());
    let coin = match address.len() {
        // Standard, subaddress (95) and integrated address (106) of Monero's main network.
        95 | 106 if address.starts_with(['4', '8']) && is_base58() => "Monero",
        42 if address.strip_prefix("0x").is_some_and(is_hexadecimal) => "Ethereum or a relative",
        35 if (address.starts_with("t1") || address.starts_with("t3")) && is_base58() => "Zcash",
        34 if address.starts_with('R') && is_base58() => OF_R,
        26..=35 if address.starts_with(['1', '3']) && is_base58() => "Bitcoin",
        34 if address.starts_with(['L', 'M']) && is_base58() => "Litecoin",
        34 if address.starts_with('D') && is_base58() => "Dogecoin or DigiByte",
        51 if address.starts_with('9') && is_base58() => "Ergo",
        97 if (address.starts_with("Wo") || address.starts_with("WW")) && is_base58() => "Wownero",
        _ => return coin_of_prefix(address),
    };
    Some(coin)
}

fn coin_of_prefix(address: &str) -> Option<&'static str> {
    let is_of = |prefix: &str| {
        address.starts_with(prefix) && (prefix.ends_with(':') || address.len() >= LEAST_PREFIXED_CHARACTERS)
    };
    PREFIXES.iter().find(|(prefix, _)| is_of(prefix)).map(|(_, coin)| *coin)
}

/// The coin that an address is of, as far as the dialect tells it from others with such addresses.
pub(super) fn coin_in_dialect(coin: &'static str, dialect: Dialect) -> &'static str {
    match (coin, dialect) {
        (OF_R | OF_R_WITH_EQUIHASH, Dialect::KawPow) => "Ravencoin",
        (OF_R | OF_R_WITH_EQUIHASH, Dialect::Equihash) => OF_R_WITH_EQUIHASH,
        (OF_R_WITH_EQUIHASH, _) => OF_R,
        _ => coin,
    }
}

/// The coin that a dialect is spoken for, where it is only one.
pub(super) fn coin_of_dialect(dialect: Dialect) -> Option<&'static str> {
    match dialect {
        Dialect::Kaspa => Some("Kaspa"),
        Dialect::Grin => Some("Grin"),
        Dialect::Beam => Some("Beam"),
        Dialect::IronFish => Some("Iron Fish"),
        Dialect::MoneroPeer => Some("Monero"),
        _ => None,
    }
}

/// Addresses in base 58 that begin with R.
const OF_R: &str = "Ravencoin, Verus or Komodo";
/// Of these, those that are mined with Equihash.
const OF_R_WITH_EQUIHASH: &str = "Verus or Komodo";

/// What addresses of one coin begin with, by its own design.
const PREFIXES: &[(&str, &str)] = &[
    ("bc1q", "Bitcoin"),
    ("bc1p", "Bitcoin"),
    ("bitcoincash:", "Bitcoin Cash"),
    ("ltc1", "Litecoin"),
    ("kaspa:", "Kaspa"),
    ("ckb1", "Nervos"),
    ("cfx:", "Conflux"),
    ("xel:", "Xelis"),
    ("dero1", "Dero"),
    ("nexa:", "Nexa"),
    ("aleo1", "Aleo"),
    ("hs1q", "Handshake"),
    ("ak_", "Aeternity"),
    ("grin1", "Grin"),
    ("ZEPHYR", "Zephyr"),
    ("ZEPHs", "Zephyr"),
    ("SaLv", "Salvium"),
];

/// A key's hash of 160 bits in base 32 and what is around it: whoever is called like a prefix is no address.
const LEAST_PREFIXED_CHARACTERS: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_apart() {
        let monero = "4".repeat(95);
        let user = format!("{monero}+20000.rig");
        assert_eq!(parse(&user), Name { wallet: Some(&monero), worker: Some("rig"), coin: Some("Monero") });
        let ethereum = "0x9c99d212f7e5daa18ab50810e0fd255d1f04303b";
        let user = format!("{ethereum}/rig");
        assert_eq!(parse(&user).wallet, Some(ethereum));
        assert_eq!(parse("bob"), Name { wallet: Some("bob"), worker: None, coin: None });
        assert_eq!(parse("bob.one").worker, Some("one"));
        assert_eq!(parse("kaspa:qq0.a").coin, Some("Kaspa"));
        assert_eq!(parse("bob.one/bob@mail.example").worker, Some("one"));
        assert_eq!(parse("bob/one/bob@mail.example").worker, Some("one"));
        assert_eq!(parse("bob/bob@mail.example").worker, None);
        assert_eq!(parse("LTC:bob.rig#abcd-1234").worker, Some("rig"));
        assert_eq!((parse("bob+5000").worker, parse("bob.rig@home").worker), (None, Some("rig@home")));
        assert_eq!(parse(""), Name::default());
    }
}
