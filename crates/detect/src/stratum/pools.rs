//! Names of mining pools.
//!
//! A name says where somebody wants to go, not what is said there: pools have web sites too. So a name is one indication among
//! others.

/// What a host's name says about mining.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum PoolName {
    /// Nothing.
    Other,
    /// One of its labels has a word that pools like to be called by.
    Hint,
    /// It lies under the domain of a well-known pool, and is none of its web sites.
    Known,
}

/// Looks at a host's name, in any case, with or without the dot at its end.
pub fn pool_name(name: &str) -> PoolName {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    let is_web = name.split('.').next().is_some_and(|first| WEB_LABELS.contains(&first));
    if DOMAINS.iter().any(|domain| is_under(&name, domain)) {
        return if is_web { PoolName::Other } else { PoolName::Known };
    }
    let mut words = name.split(|c: char| !c.is_ascii_alphabetic());
    if !is_web && words.any(|word| WORDS.contains(&word)) { PoolName::Hint } else { PoolName::Other }
}

/// Is it the domain, or a name within it?
fn is_under(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Hosts that people, and not miners, look at.
const WEB_LABELS: &[&str] =
    &["www", "api", "web", "blog", "docs", "forum", "help", "static", "cdn", "status", "support"];

/// Words that stand alone in a label: `pool-eu`, `xmr`, `stratum2`. The rest of the internet has pools too, hence only a hint.
const WORDS: &[&str] = &[
    "ethash", "kawpow", "mine", "miner", "miners", "mining", "monero", "pool", "pools", "randomx", "solo",
    "stratum", "xmr", "xmrig", "xmrpool",
];

/// Domains under which well-known pools, exchanges of hash rate and donation servers of miners are, or were, reached.
const DOMAINS: &[&str] = &[
    "2miners.com",
    "acc-pool.pw",
    "aikapool.com",
    "antpool.com",
    "bohemianpool.com",
    "braiins.com",
    "btc.com",
    "c3pool.com",
    "c3pool.org",
    "cedric-crispin.com",
    "ckpool.org",
    "coinfoundry.org",
    "crazypool.org",
    "cruxpool.com",
    "dwarfpool.com",
    "dxpool.com",
    "emcd.io",
    "ethermine.org",
    "ethpool.org",
    "ezil.me",
    "f2pool.com",
    "fairpool.pro",
    "fairpool.xyz",
    "flexpool.io",
    "flockpool.com",
    "flypool.org",
    "foundryusapool.com",
    "gntl.uk",
    "hashcity.org",
    "hashvault.pro",
    "herominers.com",
    "hiveon.com",
    "hiveon.net",
    "k1pool.com",
    "kanopool.com",
    "kryptex.network",
    "litecoinpool.org",
    "luckpool.net",
    "luxor.tech",
    "minergate.com",
    "minexmr.com",
    "mining-dutch.nl",
    "miningocean.org",
    "miningpoolhub.com",
    "miningrigrentals.com",
    "monerohash.com",
    "moneroocean.stream",
    "monerop.com",
    "multipool.us",
    "nanopool.org",
    "nicehash.com",
    "ocean.xyz",
    "p2pool.io",
    "poolbinance.com",
    "poolin.com",
    "prohashing.com",
    "public-pool.io",
    "qubic.li",
    "ravenminer.com",
    "rplant.xyz",
    "sbicrypto.com",
    "skypool.org",
    "slushpool.com",
    "solopool.org",
    "sparkpool.com",
    "spiderpool.com",
    "supportxmr.com",
    "suprnova.cc",
    "unmineable.com",
    "viabtc.com",
    "viabtc.io",
    "vipor.net",
    "volt-mine.com",
    "woolypooly.com",
    "xmrfast.com",
    "xmrig.com",
    "xmrpool.eu",
    "zergpool.com",
    "zpool.ca",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_count_at_the_borders_of_labels() {
        for name in ["pool.supportxmr.com", "SUPPORTXMR.COM.", "gulf.moneroocean.stream", "eu1.ethermine.org"]
        {
            assert_eq!(pool_name(name), PoolName::Known, "{name}");
        }
        for name in ["notsupportxmr.com", "supportxmr.com.example", "ocean.xyz.example", "somebtc.com"] {
            assert_eq!(pool_name(name), PoolName::Other, "{name}");
        }
    }

    #[test]
    fn web_sites_of_pools_are_web_sites() {
        for name in ["www.supportxmr.com", "api.nanopool.org", "www.pool.example"] {
            assert_eq!(pool_name(name), PoolName::Other, "{name}");
        }
    }

    #[test]
    fn words_stand_alone() {
        for name in ["pool.example", "xmr-eu1.example", "stratum2.example.net", "eu.mine.example"] {
            assert_eq!(pool_name(name), PoolName::Hint, "{name}");
        }
        for name in ["carpool.example", "minecraft.example", "mineral.example", "", ".", "example"] {
            assert_eq!(pool_name(name), PoolName::Other, "{name}");
        }
    }

    #[test]
    fn the_list_is_sorted_and_in_lower_case() {
        assert!(DOMAINS.is_sorted());
        assert!(DOMAINS.iter().all(|domain| *domain == domain.to_ascii_lowercase() && domain.contains('.')));
    }
}
