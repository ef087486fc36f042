//! The one thread that owns the data, its file and who leads.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender};

use crate::commands::{self, Data};
use crate::log::Log;
use crate::node::Lines;
use crate::resp::{Reply, Words};
use crate::{orders, script};

/// How many jobs are synced together at most.
const TOGETHER: usize = 256;

/// What a connection wants done.
pub(crate) struct Job {
    /// The node that it is connected to, from 0 on.
    pub(crate) node: usize,
    pub(crate) work: Work,
    /// Takes one answer for each job, in their order.
    pub(crate) answers: Sender<Answer>,
}

pub(crate) enum Work {
    One(Words),
    /// All commands of a transaction.
    Whole(Vec<Words>),
}

/// What becomes of a job.
pub(crate) enum Answer {
    Told(Reply),
    /// The connection is closed instead.
    Lost,
}

pub(crate) struct Engine {
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) lines: Lines,
    /// The node that leads; `None` while nobody does.
    pub(crate) leader: Option<usize>,
    /// What every node names instead of the leader.
    pub(crate) misled: Option<String>,
    /// Of how many writes the reply is still to be lost.
    pub(crate) losing: u64,
    data: Data,
    log: Log,
}

impl Engine {
    /// Goes on with what the file has.
    pub(crate) fn open(
        path: &Path,
        addresses: Vec<SocketAddr>,
        lines: Lines,
    ) -> Result<Self, std::io::Error> {
        let (log, entries) = Log::open(path)?;
        let mut data = Data::default();
        for words in entries.iter().flatten() {
            run(&mut data, words);
        }
        data.take_written();
        Ok(Self { addresses, lines, leader: Some(0), misled: None, losing: 0, data, log })
    }

    /// Does what comes, until nobody can send any more.
    pub(crate) fn run(mut self, jobs: &Receiver<Job>) -> Result<(), String> {
        let failed = |error| format!("what was written cannot be kept: {error}; see the disk");
        while let Ok(first) = jobs.recv() {
            let mut done = Vec::new();
            for job in std::iter::once(first).chain(jobs.try_iter()).take(TOGETHER) {
                let answer = self.answer(job.node, &job.work).map_err(failed)?;
                done.push((job.answers, answer));
            }
            self.log.sync().map_err(failed)?;
            for (answers, answer) in done {
                // Nobody waits where the client has gone.
                let _ = answers.send(answer);
            }
        }
        Ok(())
    }

    fn answer(&mut self, node: usize, work: &Work) -> Result<Answer, std::io::Error> {
        let told = match work {
            Work::Whole(commands) => match self.refusal(node) {
                Some(refusal) => Answer::Told(refusal),
                None => self.whole(commands)?,
            },
            Work::One(words) => self.one(node, words)?,
        };
        Ok(told)
    }

    fn one(&mut self, node: usize, words: &Words) -> Result<Answer, std::io::Error> {
        let name = name(words);
        let own = match name.as_str() {
            "ping" => Some(Reply::Status("PONG".to_owned())),
            "raftpeers" => Some(self.peers()),
            "raftleader" => Some(self.leading().map_or(Reply::nil(), |at| Reply::text(&at))),
            "raftstate" => Some(Reply::text(self.state(node))),
            "standin" => Some(orders::run(self, words)),
            _ => commands::check(&name, words).err().or_else(|| self.refusal(node)),
        };
        match own {
            Some(reply) => Ok(Answer::Told(reply)),
            None => {
                let reply = run(&mut self.data, words);
                self.kept(reply)
            }
        }
    }

    /// Runs a transaction; a command in it that fails does not keep the next from running.
    fn whole(&mut self, commands: &[Words]) -> Result<Answer, std::io::Error> {
        // In a transaction, SummitDB has no reply that says nothing.
        let shown = |reply| match reply {
            Reply::Bulk(None) => Reply::error("ERR invalid response"),
            reply => reply,
        };
        let replies = commands.iter().map(|words| shown(run(&mut self.data, words)));
        let reply = Reply::Array(replies.collect());
        self.kept(reply)
    }

    /// Puts what was written into the file.
    fn kept(&mut self, reply: Reply) -> Result<Answer, std::io::Error> {
        let written = self.data.take_written();
        if written.is_empty() {
            return Ok(Answer::Told(reply));
        }
        self.log.add(&written)?;
        if self.losing > 0 {
            self.losing -= 1;
            return Ok(Answer::Lost);
        }
        Ok(Answer::Told(reply))
    }

    /// What a node says that does not lead.
    fn refusal(&self, node: usize) -> Option<Reply> {
        if let Some(other) = &self.misled {
            return Some(Reply::Error(format!("TRY {other}")));
        }
        match self.leading() {
            None => Some(Reply::error("ERR leader not known")),
            Some(_) if self.leader == Some(node) => None,
            Some(leader) => Some(Reply::Error(format!("TRY {leader}"))),
        }
    }

    fn leading(&self) -> Option<String> {
        self.leader.map(|node| self.addresses[node].to_string())
    }

    fn state(&self, node: usize) -> &'static str {
        match self.leader {
            _ if self.lines.is_down(node) => "Invalid",
            Some(leader) if leader == node => "Leader",
            Some(_) => "Follower",
            None => "Candidate",
        }
    }

    fn peers(&self) -> Reply {
        let pair = |(node, at): (usize, &SocketAddr)| {
            [Reply::text(&at.to_string()), Reply::text(self.state(node))]
        };
        Reply::Array(self.addresses.iter().enumerate().flat_map(pair).collect())
    }
}

fn name(words: &[Vec<u8>]) -> String {
    String::from_utf8_lossy(&words[0]).to_ascii_lowercase()
}

fn run(data: &mut Data, words: &[Vec<u8>]) -> Reply {
    match name(words).as_str() {
        "eval" => script::run(data, words),
        name => data.run(name, words),
    }
}
