//! What every listener does: accept within a limit, and drain.

use std::convert::Infallible;
use std::future::Future;
use std::io::{self, Read};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep, sleep, timeout};

/// How long accepting pauses when the system has no room for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long, and for how many bytes, an ended connection is read so that FIN is not cut by RST.
const LINGER: Duration = Duration::from_millis(500);
const LINGER_BYTES: usize = 64 << 10;

/// Tells every connection that the server is draining, and the server when none works any more.
///
/// Whoever has one may still have something to answer. It is dropped when the last answer has been
/// sent, however long the peer then takes to end the connection: a successor may wait for what this
/// server holds.
#[derive(Clone, Debug)]
pub(crate) struct Drain {
    draining: watch::Receiver<bool>,
    working: mpsc::Sender<Infallible>,
}

/// The server's end of all [`Drain`]s.
#[derive(Debug)]
pub(crate) struct Drainage {
    draining: watch::Sender<bool>,
    working: mpsc::Receiver<Infallible>,
}

impl Drainage {
    pub(crate) fn begin(&self) {
        self.draining.send_replace(true);
    }

    /// Waits until every [`Drain`] has been dropped.
    pub(crate) async fn answered(&mut self) {
        // Nothing can be sent: what comes is the end.
        let _end = self.working.recv().await;
    }
}

/// What a request in work holds the drain by, taken off a [`Drain`] that may be dropped meanwhile.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    draining: watch::Receiver<bool>,
    working: mpsc::WeakSender<Infallible>,
}

impl Work {
    /// Whether the drain has begun.
    pub(crate) fn is_draining(&self) -> bool {
        *self.draining.borrow()
    }

    /// Holds the drain until it is dropped; nothing if that is over.
    pub(crate) fn hold(&self) -> Option<impl Sized + use<>> {
        self.working.upgrade()
    }
}

impl Drain {
    pub(crate) fn channel() -> (Drainage, Self) {
        let (sender, draining) = watch::channel(false);
        let (working, answered) = mpsc::channel(1);
        (Drainage { draining: sender, working: answered }, Self { draining, working })
    }

    /// Waits until draining begins; a server that is gone drains too.
    pub(crate) async fn begun(&mut self) {
        // An error means that the sender is dropped: the server is gone.
        let _gone = self.draining.wait_for(|draining| *draining).await;
    }

    pub(crate) fn work(&self) -> Work {
        Work { draining: self.draining.clone(), working: self.working.downgrade() }
    }
}

/// Accepts until the drain begins, then waits for the connections to finish.
///
/// Dropping the future closes the listener and every connection at once.
pub(crate) async fn accept<F>(
    door: &'static str,
    listener: TcpListener,
    connections: usize,
    mut drain: Drain,
    serve: impl Fn(TcpStream, Drain) -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let permits = Arc::new(Semaphore::new(connections));
    let mut open = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = drain.begun() => break,
            Some(ended) = open.join_next() => {
                report(door, ended);
                continue;
            }
            accepted = accept_one(&listener, &permits) => accepted,
        };
        match accepted {
            Ok((stream, permit)) => {
                let serving = serve(stream, drain.clone());
                open.spawn(async move {
                    serving.await;
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(door, %error, "a connection could not be accepted; trying again");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop((listener, drain));
    while let Some(ended) = open.join_next().await {
        report(door, ended);
    }
}

async fn accept_one(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
) -> io::Result<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let permit = permits.clone().acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _peer) = listener.accept().await?;
    // Only a connection that is gone refuses this, and its first read will say so.
    let _gone = stream.set_nodelay(true);
    Ok((stream, permit))
}

fn report(door: &'static str, ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(door, %error, "a connection's task failed; please report this defect");
    }
}

/// Why a connection is over.
pub(crate) enum Over {
    /// It is to be closed so that the peer reads all that was sent.
    Close,
    /// The peer is gone or does not read.
    Gone,
}

/// Reads what has arrived by now, asking the socket itself.
///
/// [`TcpStream::try_read`] goes by what the reactor has heard, and that may lag: a request that
/// came just before the drain began would be passed over.
pub(crate) fn read_now(stream: &TcpStream, bytes: &mut [u8]) -> io::Result<usize> {
    (&*SockRef::from(stream)).read(bytes)
}

/// Sends all these bytes and forgets them; a peer that takes longer is gone.
pub(crate) async fn send_all(
    stream: &mut TcpStream,
    bytes: &mut Vec<u8>,
    limit: Duration,
) -> Result<(), Over> {
    if bytes.is_empty() {
        return Ok(());
    }
    let sent = timeout(limit, stream.write_all(bytes)).await;
    bytes.clear();
    match sent {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(Over::Gone),
    }
}

/// What comes of a future if that is known already.
pub(crate) async fn at_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    tokio::select! {
        biased;
        done = future => Some(done),
        () = std::future::ready(()) => None,
    }
}

/// Ends a connection so that the peer reads everything that was sent and then FIN.
///
/// Closing a socket with unread input would send RST, which throws away what is on its way.
pub(crate) async fn close_gently(mut stream: TcpStream) {
    if stream.shutdown().await.is_err() {
        return;
    }
    let mut left = LINGER_BYTES;
    let mut waste = [0; 1024];
    // Late or failed, the connection is dropped next.
    let _late = timeout(LINGER, async {
        while left > 0 {
            match stream.read(&mut waste).await {
                Ok(0) | Err(_) => return,
                Ok(read) => left = left.saturating_sub(read),
            }
        }
    })
    .await;
}

/// A stream whose peer must take what is written to it within a time.
#[derive(Debug)]
pub(crate) struct TimedWrites<S> {
    stream: S,
    limit: Duration,
    /// Set while a write waits for the peer.
    stuck: Option<Pin<Box<Sleep>>>,
}

impl<S> TimedWrites<S> {
    pub(crate) fn new(stream: S, limit: Duration) -> Self {
        Self { stream, limit, stuck: None }
    }

    fn check<T>(&mut self, cx: &mut Context<'_>, poll: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if poll.is_ready() {
            self.stuck = None;
            return poll;
        }
        let until = Instant::now() + self.limit;
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
        ready!(stuck.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer does not read")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for TimedWrites<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for TimedWrites<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.check(cx, poll)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.check(cx, poll)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let poll = Pin::new(&mut self.stream).poll_flush(cx);
        self.check(cx, poll)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let poll = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.check(cx, poll)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_has_arrived_is_read_before_the_reactor_hears_of_it() {
        use std::io::Write;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let mut bytes = [0; 8];
        assert_eq!(read_now(&stream, &mut bytes).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        // No await from here on: the reactor does not run.
        peer.write_all(b"id").unwrap();
        assert_eq!(read_now(&stream, &mut bytes).unwrap(), 2);
        drop(peer);
        assert_eq!(read_now(&stream, &mut bytes).unwrap(), 0);
    }

    #[tokio::test]
    async fn a_peer_that_does_not_read_is_given_up() {
        let (stream, _peer) = tokio::io::duplex(8);
        let mut timed = TimedWrites::new(stream, Duration::from_millis(20));
        timed.write_all(&[0; 8]).await.unwrap();
        let error = timed.write_all(&[0; 8]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_peer_that_reads_slowly_is_kept() {
        let (stream, mut peer) = tokio::io::duplex(8);
        let mut timed = TimedWrites::new(stream, Duration::from_millis(200));
        let reading = tokio::spawn(async move {
            let mut bytes = [0; 8];
            for _ in 0..5 {
                sleep(Duration::from_millis(60)).await;
                peer.read_exact(&mut bytes).await.unwrap();
            }
        });
        timed.write_all(&[0; 40]).await.unwrap();
        reading.await.unwrap();
    }
}
