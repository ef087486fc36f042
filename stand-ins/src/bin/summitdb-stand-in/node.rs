//! Connections: commands in, replies out, and transactions on their way together.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::commands;
use crate::engine::{Answer, Job, Work};
use crate::resp::{Reply, Words, decode};

/// The connections of all nodes.
#[derive(Clone)]
pub(crate) struct Lines(Arc<Vec<Mutex<Line>>>);

#[derive(Default)]
struct Line {
    is_down: bool,
    open: HashMap<u64, TcpStream>,
    count: u64,
}

impl Lines {
    /// How many nodes there are.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_down(&self, node: usize) -> bool {
        self.line(node).is_down
    }

    /// Closes all connections of a node and takes no more, or takes them again.
    pub(crate) fn set_down(&self, node: usize, is_down: bool) {
        let mut line = self.line(node);
        line.is_down = is_down;
        if is_down {
            for (_, stream) in line.open.drain() {
                // The client may have gone already.
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
    }

    fn line(&self, node: usize) -> MutexGuard<'_, Line> {
        self.0[node].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a connection; `None` if the node is down.
    fn enter(&self, node: usize, stream: &TcpStream) -> Option<u64> {
        let mut line = self.line(node);
        let stream = stream.try_clone().ok()?;
        if line.is_down {
            return None;
        }
        line.count += 1;
        let number = line.count;
        line.open.insert(number, stream);
        Some(number)
    }

    fn leave(&self, node: usize, number: u64) {
        self.line(node).open.remove(&number);
    }
}

/// Begins to listen on all addresses.
pub(crate) fn listen(addresses: &[SocketAddr], jobs: &Sender<Job>) -> Result<Lines, String> {
    let lines = addresses.iter().map(|_| Mutex::default()).collect();
    let lines = Lines(Arc::new(lines));
    for (node, address) in addresses.iter().enumerate() {
        let listener = TcpListener::bind(address)
            .map_err(|error| format!("{address}: {error}; choose a port that is free there"))?;
        let (lines, jobs) = (lines.clone(), jobs.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (lines, jobs) = (lines.clone(), jobs.clone());
                thread::spawn(move || {
                    if let Some(number) = lines.enter(node, &stream) {
                        Connection::new(node, jobs, stream).serve();
                        lines.leave(node, number);
                    }
                });
            }
        });
    }
    Ok(lines)
}

/// What comes next on a connection.
enum Due {
    /// An answer of the engine.
    Engine,
    Here(Reply),
    /// The last reply.
    Bye(Reply),
}

struct Connection {
    node: usize,
    jobs: Sender<Job>,
    stream: TcpStream,
    answers: Sender<Answer>,
    told: Receiver<Answer>,
    transaction: Option<Transaction>,
}

#[derive(Default)]
struct Transaction {
    commands: Vec<Words>,
    is_broken: bool,
}

impl Connection {
    fn new(node: usize, jobs: Sender<Job>, stream: TcpStream) -> Self {
        let (answers, told) = channel();
        Self { node, jobs, stream, answers, told, transaction: None }
    }

    /// Until the client goes, or has to.
    fn serve(mut self) {
        let _ = self.stream.set_nodelay(true);
        let (mut input, mut buffer) = (Vec::new(), [0; 1 << 16]);
        while let Ok(len @ 1..) = self.stream.read(&mut buffer) {
            input.extend_from_slice(&buffer[..len]);
            if !self.answer(&mut input) {
                break;
            }
        }
        // The engine's end closed it already if the node went down.
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    /// Answers all commands that are there as a whole; they reach the engine together.
    fn answer(&mut self, input: &mut Vec<u8>) -> bool {
        let (mut due, mut at) = (Vec::new(), 0);
        loop {
            match decode(&input[at..]) {
                Ok(Some((words, len))) => {
                    at += len;
                    if !words.is_empty() {
                        due.push(self.take(words));
                    }
                }
                Ok(None) => break,
                Err(what) => {
                    due.push(Due::Bye(Reply::Error(format!("ERR Protocol error: {what}"))));
                    break;
                }
            }
        }
        input.drain(..at);
        self.reply(due)
    }

    fn reply(&mut self, due: Vec<Due>) -> bool {
        let (mut out, mut goes_on) = (Vec::new(), true);
        for due in due {
            let reply = match due {
                Due::Here(reply) => reply,
                Due::Bye(reply) => {
                    goes_on = false;
                    reply
                }
                Due::Engine => match self.told.recv() {
                    Ok(Answer::Told(reply)) => reply,
                    Ok(Answer::Lost) | Err(_) => {
                        goes_on = false;
                        break;
                    }
                },
            };
            reply.write(&mut out);
        }
        self.stream.write_all(&out).is_ok() && goes_on
    }

    fn take(&mut self, words: Words) -> Due {
        let name = String::from_utf8_lossy(&words[0]).to_ascii_lowercase();
        match (name.as_str(), &mut self.transaction) {
            ("quit", _) => Due::Bye(Reply::ok()),
            ("multi", Some(_)) => Due::Here(Reply::error("ERR MULTI calls can not be nested")),
            ("multi", none) => {
                *none = Some(Transaction::default());
                Due::Here(Reply::ok())
            }
            ("exec" | "discard", None) => {
                let name = name.to_ascii_uppercase();
                Due::Here(Reply::Error(format!("ERR {name} without MULTI")))
            }
            ("discard", transaction) => {
                *transaction = None;
                Due::Here(Reply::ok())
            }
            ("exec", Some(_)) => self.execute(),
            (_, Some(transaction)) => Due::Here(transaction.queue(&name, words)),
            (_, None) => self.send(Work::One(words)),
        }
    }

    fn execute(&mut self) -> Due {
        let transaction = self.transaction.take().unwrap_or_default();
        if transaction.is_broken {
            let why = "EXECABORT Transaction discarded because of previous errors.";
            return Due::Here(Reply::error(why));
        }
        self.send(Work::Whole(transaction.commands))
    }

    fn send(&self, work: Work) -> Due {
        let (node, answers) = (self.node, self.answers.clone());
        match self.jobs.send(Job { node, work, answers }) {
            Ok(()) => Due::Engine,
            Err(_ended) => Due::Bye(Reply::error("ERR the stand-in has ended")),
        }
    }
}

impl Transaction {
    fn queue(&mut self, name: &str, words: Words) -> Reply {
        match commands::check(name, &words) {
            Ok(()) => {
                self.commands.push(words);
                Reply::Status("QUEUED".to_owned())
            }
            Err(refusal) => {
                self.is_broken = true;
                refusal
            }
        }
    }
}
