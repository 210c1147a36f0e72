use super::facts::Dialect;

/// A user name at a pool, taken apart.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Name<'a> {
    pub(super) wallet: Option<&'a str>,
    pub(super) worker: Option<&'a str>,
    pub(super) coin: Option<&'static str>,
}

/// Takes a user name apart: `payee.worker`, `payee/worker`, `payee+difficulty.worker`, `coin:payee`.
pub(super) fn parse(user: &str) -> Name<'_> {
    let end = user.find(['.', '/', '+', ',', ';', '=']).unwrap_or(user.len());
    let (payee, rest) = user.split_at(end);
    let worker = rest.rsplit(['.', '/']).next().filter(|worker| !worker.is_empty() && *worker != rest);
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
        34 if address.starts_with('R') && is_base58() => "Ravencoin",
        26..=35 if address.starts_with(['1', '3']) && is_base58() => "Bitcoin",
        34 if address.starts_with(['L', 'M']) && is_base58() => "Litecoin",
        34 if address.starts_with('D') && is_base58() => "Dogecoin",
        _ if address.starts_with("bc1q") || address.starts_with("bc1p") => "Bitcoin",
        _ if address.starts_with("ltc1") => "Litecoin",
        _ if address.starts_with("kaspa:") => "Kaspa",
        _ => return None,
    };
    Some(coin)
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
        assert_eq!(parse(""), Name::default());
    }
}
