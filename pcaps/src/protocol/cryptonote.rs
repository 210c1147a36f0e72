//! The dialect of Stratum that `CryptoNote` coins such as Monero use: JSON-RPC 2.0, one object a line.

use crate::random::{Random, hex};

/// How much work a share stands for: the number of hashes that it takes on average.
pub type Difficulty = u32;

/// Work that a pool hands out.
#[derive(Clone, Debug)]
pub struct Job {
    /// The name by which a share refers to it.
    pub id: String,
    /// The height of the block that is looked for.
    pub height: u32,
    /// What a share stands for.
    pub difficulty: Difficulty,
    blob: String,
    seed_hash: String,
}

impl Job {
    /// A job for the block of `height`, whose miners hash with the dataset of `seed_hash`. `now` is in
    /// seconds since 1970.
    pub fn new(random: &mut Random, height: u32, seed_hash: &str, difficulty: Difficulty, now: u64) -> Self {
        // A block header (major and minor version, time, previous block, nonce), the root of its transactions
        // and their count.
        let mut blob = vec![16, 16];
        blob.extend(variable_length(now));
        blob.extend(random.octets(32));
        blob.extend([0; 4]);
        blob.extend(random.octets(32));
        blob.extend(variable_length(random.between(3, 90)));
        Self { id: random.hex(8), height, difficulty, blob: hex(&blob), seed_hash: seed_hash.to_owned() }
    }

    fn json(&self, session: &str) -> String {
        let Self { id, height, blob, seed_hash, .. } = self;
        let target = hex(&target(self.difficulty).to_le_bytes());
        format!(
            r#"{{"blob":"{blob}","job_id":"{id}","target":"{target}","id":"{session}","algo":"rx/0","height":{height},"seed_hash":"{seed_hash}"}}"#
        )
    }
}

/// The first line of a miner: who is to be paid, and by what program.
pub fn login(wallet: &str, worker: &str, agent: &str) -> String {
    format!(
        r#"{{"id":1,"jsonrpc":"2.0","method":"login","params":{{"login":"{wallet}","pass":"{worker}","agent":"{agent}","algo":["rx/0","rx/wow","rx/arq","rx/sfx","cn/r","cn/half","cn-pico","argon2/chukwa"]}}}}{END}"#
    )
}

/// The pool's answer to [`login`], with the name of the session and the first job.
pub fn login_accepted(session: &str, job: &Job) -> String {
    let job = job.json(session);
    format!(
        r#"{{"id":1,"jsonrpc":"2.0","error":null,"result":{{"id":"{session}","job":{job},"extensions":["algo","nicehash","connect","keepalive"],"status":"OK"}}}}{END}"#
    )
}

/// The pool's notice that there is other work.
pub fn new_job(session: &str, job: &Job) -> String {
    let job = job.json(session);
    format!(r#"{{"jsonrpc":"2.0","method":"job","params":{job}}}{END}"#)
}

/// A share: a nonce whose hash is small enough, or, if not `meets_target`, a little too large.
pub fn submit(random: &mut Random, id: u32, session: &str, job: &Job, meets_target: bool) -> String {
    let nonce = random.hex(4);
    let mut result = random.octets(24);
    // The hash is a little-endian number whose highest 64 bits are compared with the target.
    let limit = u64::MAX / u64::from(job.difficulty);
    let highest = if meets_target { random.between(0, limit - 1) } else { random.between(limit, limit * 2) };
    result.extend(highest.to_le_bytes());
    let (job, result) = (&job.id, hex(&result));
    format!(
        r#"{{"id":{id},"jsonrpc":"2.0","method":"submit","params":{{"id":"{session}","job_id":"{job}","nonce":"{nonce}","result":"{result}","algo":"rx/0"}}}}{END}"#
    )
}

/// The pool's answer to a share that it takes.
pub fn share_accepted(id: u32) -> String {
    format!(r#"{{"id":{id},"jsonrpc":"2.0","error":null,"result":{{"status":"OK"}}}}{END}"#)
}

/// The pool's answer to a share that it does not take.
pub fn share_rejected(id: u32, reason: &str) -> String {
    format!(r#"{{"id":{id},"jsonrpc":"2.0","error":{{"code":-1,"message":"{reason}"}},"result":null}}{END}"#)
}

/// A miner that was silent for a minute says that it is there.
pub fn keep_alive(id: u32, session: &str) -> String {
    format!(r#"{{"id":{id},"jsonrpc":"2.0","method":"keepalived","params":{{"id":"{session}"}}}}{END}"#)
}

/// The pool's answer to [`keep_alive`].
pub fn kept_alive(id: u32) -> String {
    format!(r#"{{"id":{id},"jsonrpc":"2.0","error":null,"result":{{"status":"KEEPALIVED"}}}}{END}"#)
}

/// What looks like an address of Monero's main network and is none: its check digits are as random as the rest.
pub fn wallet(random: &mut Random) -> String {
    let rest = (0..94).map(|_| char::from(*random.choice(BASE_58)));
    std::iter::once('4').chain(rest).collect()
}

/// The target in its short form: the highest 32 bits.
fn target(difficulty: Difficulty) -> u32 {
    u32::MAX / difficulty
}

/// Seven bits an octet, the lowest first.
fn variable_length(mut number: u64) -> Vec<u8> {
    let mut octets = Vec::new();
    while number >= 0x80 {
        let [low, ..] = number.to_le_bytes();
        octets.push(low | 0x80);
        number >>= 7;
    }
    let [low, ..] = number.to_le_bytes();
    octets.push(low);
    octets
}

const END: &str = "\n";
const BASE_58: &[u8] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_has_its_nonce_where_miners_write_it() {
        let mut random = Random::seeded("job");
        let job = Job::new(&mut random, 3_300_000, &"5a".repeat(32), 10_000, 1_741_080_000);
        assert_eq!(job.blob.len(), 2 * 76);
        assert_eq!(job.blob[2 * 39..2 * 43], *"00000000");
        assert!(new_job("s", &job).contains(r#""target":"b88d0600""#));
    }

    #[test]
    fn a_share_meets_its_target_or_misses_it() {
        let mut random = Random::seeded("share");
        let job = Job::new(&mut random, 1, "00", 50_000, 1_741_080_000);
        for meets in [true, false] {
            let line = submit(&mut random, 2, "s", &job, meets);
            let result = &line.split(r#""result":""#).nth(1).unwrap()[48..64];
            let highest = u64::from_str_radix(result, 16).unwrap().swap_bytes();
            assert_eq!(highest < u64::MAX / 50_000, meets);
        }
    }
}
