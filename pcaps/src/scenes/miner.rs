//! A miner at its pool: one connection that stays, work that comes in, and shares that go out.

use std::time::Duration;

use crate::{
    conversation::Conversation,
    host::{Endpoint, Path},
    protocol::cryptonote::{self, Difficulty, Job},
    recording::Recording,
};

/// A miner and its pool.
#[derive(Clone, Copy, Debug)]
pub struct Mining<'a> {
    /// Where the probe stands.
    pub path: Path,
    /// The miner's machine.
    pub miner: Endpoint,
    /// The pool.
    pub pool: Endpoint,
    /// The name of this machine among those of the same wallet.
    pub worker: &'a str,
    /// The program, as it calls itself.
    pub agent: &'a str,
    /// Hashes a second.
    pub hash_rate: u32,
    /// What the pool's first job asks for.
    pub first_difficulty: Difficulty,
    /// What it asks for once it has seen how fast the miner is.
    pub difficulty: Difficulty,
    /// The time since 1970 at which the capture began.
    pub epoch: Duration,
}

/// What a miner did.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Mined {
    /// Who is paid. It looks like an address and is none.
    pub wallet: String,
    /// When the connection was opened.
    pub connected: Duration,
    /// When the last share was answered.
    pub last_share: Duration,
    /// Jobs that the pool handed out, the one at the login included.
    pub jobs: usize,
    /// Shares that the pool took at the first difficulty.
    pub accepted_first: usize,
    /// Shares that the pool took at the second.
    pub accepted: usize,
    /// Shares that the pool did not take.
    pub rejected: usize,
    /// Times that the miner said nothing but that it is there.
    pub keep_alives: usize,
}

impl Mining<'_> {
    /// Connects at `at` and mines until `until`; the connection stays open.
    pub fn play(&self, recording: &mut Recording, at: Duration, until: Duration) -> Mined {
        let wallet = cryptonote::wallet(&mut recording.random);
        let (session, seed_hash) = (recording.random.hex(8), recording.random.hex(32));
        let mut conversation = Conversation::open(recording, self.path, self.miner, self.pool, at);
        conversation.client(cryptonote::login(&wallet, self.worker, self.agent).as_bytes());
        let now = (self.epoch + at).as_secs();
        let job = Job::new(conversation.random(), FIRST_HEIGHT, &seed_hash, self.first_difficulty, now);
        conversation.server(cryptonote::login_accepted(&session, &job).as_bytes());
        let told = Mined {
            wallet,
            connected: at,
            last_share: at,
            jobs: 1,
            accepted_first: 0,
            accepted: 0,
            rejected: 0,
            keep_alives: 0,
        };
        let old = job.clone();
        let mut course =
            Course { mining: *self, conversation, session, seed_hash, job, old, request: 2, shares: 0, told };
        course.run(until);
        course.conversation.leave();
        course.told
    }
}

/// A session at a pool that goes on.
struct Course<'a, 'r> {
    mining: Mining<'a>,
    conversation: Conversation<'r>,
    session: String,
    seed_hash: String,
    job: Job,
    /// The job before it.
    old: Job,
    /// The number of the miner's next request.
    request: u32,
    shares: usize,
    told: Mined,
}

impl Course<'_, '_> {
    fn run(&mut self, until: Duration) {
        let mut next_job = self.conversation.now() + MEAN_TIME_OF_A_JOB;
        let mut next_share = self.conversation.now() + self.time_to_share();
        loop {
            let next = next_job.min(next_share);
            while self.conversation.now() + SILENCE < next.min(until) {
                self.keep_alive();
            }
            if next >= until {
                return;
            }
            self.conversation.pause_until(next);
            if next_job <= next_share {
                self.push_job();
                next_job =
                    self.conversation.now() + self.conversation.random().waiting_time(MEAN_TIME_OF_A_JOB);
                if self.told.jobs == JOB_WITH_A_STALE_SHARE {
                    // The miner finds a share for the job before, while the new one is on its way.
                    next_share = self.conversation.now();
                }
            } else {
                self.share();
                if self.shares == SHARES_AT_THE_FIRST_DIFFICULTY {
                    next_job = self.conversation.now() + Duration::from_millis(40);
                }
                next_share = self.conversation.now() + self.time_to_share();
            }
        }
    }

    fn push_job(&mut self) {
        let is_new_block = self.conversation.random().count(0, 1) == 0;
        let height = self.job.height + u32::from(is_new_block);
        let settled = self.shares >= SHARES_AT_THE_FIRST_DIFFICULTY;
        let difficulty = if settled { self.mining.difficulty } else { self.mining.first_difficulty };
        let now = (self.mining.epoch + self.conversation.now()).as_secs();
        let job = Job::new(self.conversation.random(), height, &self.seed_hash, difficulty, now);
        self.conversation.server(cryptonote::new_job(&self.session, &job).as_bytes());
        self.old = std::mem::replace(&mut self.job, job);
        self.told.jobs += 1;
    }

    fn share(&mut self) {
        self.shares += 1;
        let is_stale = self.told.jobs == JOB_WITH_A_STALE_SHARE && self.old.id != self.job.id;
        let is_low = SHARES_THAT_MISS.contains(&self.shares);
        let job = if is_stale { self.old.clone() } else { self.job.clone() };
        let id = self.next_request();
        let line = cryptonote::submit(self.conversation.random(), id, &self.session, &job, !is_low);
        self.conversation.client(line.as_bytes());
        let answer = if is_stale {
            // Once is enough.
            self.old = self.job.clone();
            cryptonote::share_rejected(id, "Block expired")
        } else if is_low {
            cryptonote::share_rejected(id, "Low difficulty share")
        } else {
            cryptonote::share_accepted(id)
        };
        if is_stale || is_low {
            self.told.rejected += 1;
        } else if job.difficulty == self.mining.first_difficulty {
            self.told.accepted_first += 1;
        } else {
            self.told.accepted += 1;
        }
        let checking = self.conversation.random().time(Duration::from_millis(3), Duration::from_millis(30));
        self.conversation.pause(checking);
        self.conversation.server(answer.as_bytes());
        self.told.last_share = self.conversation.now();
    }

    fn keep_alive(&mut self) {
        self.conversation.pause(SILENCE);
        let id = self.next_request();
        self.conversation.client(cryptonote::keep_alive(id, &self.session).as_bytes());
        self.conversation.server(cryptonote::kept_alive(id).as_bytes());
        self.told.keep_alives += 1;
    }

    fn next_request(&mut self) -> u32 {
        self.request += 1;
        self.request - 1
    }

    fn time_to_share(&mut self) -> Duration {
        let mean = Duration::from_secs(1) * self.job.difficulty / self.mining.hash_rate;
        self.conversation.random().waiting_time(mean)
    }
}

/// A block of Monero comes every two minutes; pools also hand out work when there are new transactions.
const MEAN_TIME_OF_A_JOB: Duration = Duration::from_secs(70);
/// After which `XMRig` says that it is there.
const SILENCE: Duration = Duration::from_mins(1);
const SHARES_AT_THE_FIRST_DIFFICULTY: usize = 5;
/// Shares, counted from 1, whose hash is too large.
const SHARES_THAT_MISS: [usize; 3] = [19, 34, 61];
const JOB_WITH_A_STALE_SHARE: usize = 13;
const FIRST_HEIGHT: u32 = 3_360_412;
