//! A TCP proxy between a store and its server, which counts round trips and cuts connections.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// How a connection is cut, once.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cut {
    /// When the next request comes, which the server never sees.
    Before,
    /// When the server has answered the next request, whose answer is lost.
    After,
    /// The same, but all of the answer save this many bytes at its end comes through.
    AllBut(usize),
}

/// The proxy; it listens until the process ends.
pub(crate) struct Proxy {
    port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    round_trips: AtomicU64,
    connections: AtomicU64,
    cuts: AtomicU64,
    /// How many requests come through before the cut.
    cut: Mutex<Option<(u64, Cut)>>,
    is_down: AtomicBool,
    is_silent: AtomicBool,
    /// Both ends of every connection there was.
    streams: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    /// Begins to pass connections on to `HOST:PORT`.
    pub(crate) fn to(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (state, server) = (Arc::<State>::default(), server.to_owned());
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // Without its server a client meets a closed connection.
                if shared.is_down.load(Ordering::SeqCst) {
                    continue;
                }
                if let Ok(server) = TcpStream::connect(&server) {
                    shared.connections.fetch_add(1, Ordering::SeqCst);
                    pass(client, server, &shared);
                }
            }
        });
        Self { port, state }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// How many times a client has spoken after it was last answered, over all connections.
    pub(crate) fn round_trips(&self) -> u64 {
        self.state.round_trips.load(Ordering::SeqCst)
    }

    /// How many connections were made.
    pub(crate) fn connections(&self) -> u64 {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// How many cuts have been carried out.
    pub(crate) fn cuts(&self) -> u64 {
        self.state.cuts.load(Ordering::SeqCst)
    }

    /// Cuts the connection on which the next request comes.
    pub(crate) fn cut(&self, how: Cut) {
        self.cut_behind(0, how);
    }

    /// Likewise, once so many requests have come through.
    pub(crate) fn cut_behind(&self, requests: u64, how: Cut) {
        *self.state.cut.lock().unwrap() = Some((requests, how));
    }

    /// Takes back a cut that was not carried out.
    pub(crate) fn spare(&self) {
        *self.state.cut.lock().unwrap() = None;
    }

    /// Ends every connection; new ones may come at once.
    pub(crate) fn lose_all(&self) {
        for stream in self.state.streams.lock().unwrap().drain(..) {
            // Its own thread may have closed it already.
            stream.shutdown(Shutdown::Both).ok();
        }
    }

    /// While it is down, it ends every connection, and new ones as soon as they come.
    pub(crate) fn set_down(&self, is_down: bool) {
        self.state.is_down.store(is_down, Ordering::SeqCst);
        if is_down {
            self.lose_all();
        }
    }

    /// While it is silent, it takes what comes from either side, and passes it on afterwards.
    pub(crate) fn set_silent(&self, is_silent: bool) {
        self.state.is_silent.store(is_silent, Ordering::SeqCst);
    }
}

impl State {
    /// What is to be done to this request.
    fn next_cut(&self) -> Option<Cut> {
        let mut cut = self.cut.lock().unwrap();
        match &mut *cut {
            Some((0, _)) => cut.take().map(|(_, how)| how),
            Some((behind, _)) => {
                *behind -= 1;
                None
            }
            None => None,
        }
    }

    fn wait_while_silent(&self) {
        while self.is_silent.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(2));
        }
    }
}

/// One connection, passed on by a thread for each direction.
struct Pipe {
    client: TcpStream,
    server: TcpStream,
    /// The server has spoken since the client last did.
    answered: AtomicBool,
    /// What to do to the answer of the request under way.
    cut: Mutex<Option<Cut>>,
    state: Arc<State>,
}

fn pass(client: TcpStream, server: TcpStream, state: &Arc<State>) {
    for stream in [&client, &server] {
        stream.set_nodelay(true).unwrap();
        state.streams.lock().unwrap().push(stream.try_clone().unwrap());
    }
    let pipe = Arc::new(Pipe {
        client,
        server,
        answered: AtomicBool::new(true),
        cut: Mutex::default(),
        state: Arc::clone(state),
    });
    let back = Arc::clone(&pipe);
    thread::spawn(move || pipe.requests());
    thread::spawn(move || back.answers());
}

impl Pipe {
    fn requests(&self) {
        let mut buffer = [0; 1 << 16];
        while let Some(len) = read(&self.client, &mut buffer) {
            self.state.wait_while_silent();
            if self.answered.swap(false, Ordering::SeqCst) {
                self.state.round_trips.fetch_add(1, Ordering::SeqCst);
            }
            if let Some(cut) = self.state.next_cut() {
                if matches!(cut, Cut::Before) {
                    self.count_cut();
                    break;
                }
                *self.cut.lock().unwrap() = Some(cut);
            }
            if (&self.server).write_all(&buffer[..len]).is_err() {
                break;
            }
        }
        self.close();
    }

    fn answers(&self) {
        let mut buffer = [0; 1 << 16];
        while let Some(len) = read(&self.server, &mut buffer) {
            self.state.wait_while_silent();
            self.answered.store(true, Ordering::SeqCst);
            let cut = self.cut.lock().unwrap().take();
            let told = match cut {
                None => len,
                Some(Cut::AllBut(bytes)) => len.saturating_sub(bytes),
                Some(Cut::Before | Cut::After) => 0,
            };
            let sent = (&self.client).write_all(&buffer[..told]);
            if cut.is_some() {
                self.count_cut();
            }
            if cut.is_some() || sent.is_err() {
                break;
            }
        }
        self.close();
    }

    fn count_cut(&self) {
        self.state.cuts.fetch_add(1, Ordering::SeqCst);
    }

    fn close(&self) {
        for stream in [&self.client, &self.server] {
            // The other thread may have closed it already.
            stream.shutdown(Shutdown::Both).ok();
        }
    }
}

/// Some bytes, or `None` at the end.
fn read(mut stream: &TcpStream, buffer: &mut [u8]) -> Option<usize> {
    stream.read(buffer).ok().filter(|len| *len > 0)
}
