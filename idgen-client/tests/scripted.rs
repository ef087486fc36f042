//! The client against servers that do what a script says: refuse, break off, fall silent.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use idgen_client::{Error, GenIdClient, NativeClient, Settings};
use idgen_core::{Cause, IdRange};
use idgen_wire::native::{
    Ask, PREAMBLE, REPLY_MAX, RequestDecoder, encode_health, encode_ids, encode_refusal,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Serves each connection by the script, which is told how many came before.
async fn server<F>(script: impl Fn(TcpStream, u64) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for number in 0.. {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(script(stream, number));
        }
    });
    addr
}

/// Where nobody listens.
async fn nowhere() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

fn settings(nodes: &[SocketAddr]) -> Settings {
    Settings {
        connect: Duration::from_millis(300),
        silence: Duration::from_millis(300),
        rest_least: Duration::from_millis(20),
        rest_most: Duration::from_millis(100),
        ..Settings::new(nodes.iter().map(ToString::to_string))
    }
}

fn genid(nodes: &[SocketAddr]) -> GenIdClient {
    GenIdClient::new(settings(nodes)).unwrap()
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(5)
}

fn in_ms(ms: u64) -> Instant {
    Instant::now() + Duration::from_millis(ms)
}

/// Answers this many single ids from `first` up, then ends.
async fn answer(mut stream: TcpStream, first: u64, count: u64) {
    let mut request = [0; 2];
    for id in first..first + count {
        if stream.read_exact(&mut request).await.is_err() {
            return;
        }
        stream.write_all(&id.to_be_bytes()).await.unwrap();
    }
}

#[tokio::test]
async fn a_node_that_is_not_there_is_passed_over() {
    let there = server(|stream, _| answer(stream, 1, u64::MAX / 2)).await;
    let client = genid(&[nowhere().await, there, nowhere().await]);
    for id in 1..=20 {
        assert_eq!(client.next_id(soon()).await, Ok(id));
    }
    assert_eq!(client.losses().requests, 0, "what was never sent is not lost");
}

#[tokio::test]
async fn many_callers_share_one_connection() {
    let connections = Arc::new(AtomicU64::new(0));
    let counted = connections.clone();
    let there = server(move |stream, number| {
        // Read when all callers are done.
        counted.store(number + 1, Ordering::Relaxed);
        answer(stream, 1, u64::MAX / 2)
    })
    .await;
    let client = genid(&[there]);
    let callers: Vec<_> = (0..100)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.next_id(soon()).await.unwrap() })
        })
        .collect();
    let mut ids = Vec::new();
    for caller in callers {
        ids.push(caller.await.unwrap());
    }
    ids.sort_unstable();
    assert_eq!(ids, (1..=100).collect::<Vec<_>>());
    // Nobody stores any more.
    assert_eq!(connections.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn an_unanswered_request_is_counted_and_sent_anew() {
    let there = server(|mut stream, number| async move {
        if number > 0 {
            return answer(stream, 100, 1).await;
        }
        // Reads a request and breaks off.
        stream.read_exact(&mut [0; 2]).await.unwrap();
    })
    .await;
    let client = genid(&[there]);
    assert_eq!(client.next_id(soon()).await, Ok(100));
    let losses = client.losses();
    assert_eq!((losses.requests, losses.ids), (1, 1));
}

#[tokio::test]
async fn half_an_answer_is_no_answer() {
    let there = server(|mut stream, number| async move {
        let mut request = [0; 2];
        stream.read_exact(&mut request).await.unwrap();
        let mut ids = vec![request[1]];
        ids.extend((0..4_u64).flat_map(|id| (id + 10 * number).to_be_bytes()));
        let len = if number == 0 { 20 } else { ids.len() };
        stream.write_all(&ids[..len]).await.unwrap();
        stream.shutdown().await.unwrap();
    })
    .await;
    let client = genid(&[there]);
    let taken = client.take(4, soon()).await.unwrap();
    assert_eq!(taken.ids().collect::<Vec<_>>(), [10, 11, 12, 13], "ids of the broken connection");
    assert_eq!((taken.connection(), client.losses().ids), (2, 4));
}

#[tokio::test]
async fn a_silent_node_is_left() {
    let silent = server(|stream, _| async move {
        tokio::time::sleep(Duration::from_secs(30)).await;
        drop(stream);
    })
    .await;
    let there = server(|stream, _| answer(stream, 1, u64::MAX / 2)).await;
    // Whichever is tried first, the silent one is met within a few clients.
    for _ in 0..40 {
        let client = genid(&[silent, there]);
        let begun = Instant::now();
        client.next_id(soon()).await.unwrap();
        if client.losses().requests > 0 {
            let took = begun.elapsed();
            assert!(
                took >= Duration::from_millis(300) && took < Duration::from_secs(2),
                "{took:?}"
            );
            return;
        }
    }
    panic!("forty clients began with the same node");
}

#[tokio::test]
async fn a_deadline_holds_and_says_what_is_lost() {
    let silent = server(|stream, _| async move {
        tokio::time::sleep(Duration::from_secs(30)).await;
        drop(stream);
    })
    .await;
    let client = genid(&[silent]);
    let begun = Instant::now();
    let late = client.take(200, in_ms(100)).await.unwrap_err();
    assert!(begun.elapsed() < Duration::from_millis(290), "{:?}", begun.elapsed());
    assert!(matches!(late, Error::Deadline { unanswered_ids: 200, .. }), "{late:?}");
    assert!(late.to_string().contains("200 ids may have been issued"), "{late}");
    assert_eq!((client.losses().requests, client.losses().ids), (1, 200));
}

#[tokio::test]
async fn nobody_there_is_told_with_the_reason_in_time() {
    let client = genid(&[nowhere().await, nowhere().await]);
    let begun = Instant::now();
    let error = client.next_id(in_ms(200)).await.unwrap_err();
    assert!(begun.elapsed() < Duration::from_millis(400), "{:?}", begun.elapsed());
    let said = error.to_string();
    assert!(said.contains("no connection") && said.contains("127.0.0.1:"), "{said}");
    assert_eq!(error.unanswered_ids(), 0);
}

#[tokio::test]
async fn a_call_that_is_dropped_counts_too() {
    let silent = server(|stream, _| async move {
        tokio::time::sleep(Duration::from_secs(30)).await;
        drop(stream);
    })
    .await;
    let client = genid(&[silent]);
    let dropped =
        tokio::time::timeout(Duration::from_millis(100), client.take(3, soon())).await.is_err();
    assert!(dropped);
    assert_eq!((client.losses().requests, client.losses().ids), (1, 3));
}

#[tokio::test]
async fn an_idle_connection_that_was_closed_costs_nothing() {
    let there = server(|stream, number| answer(stream, 10 * number, 1)).await;
    let client = genid(&[there]);
    for number in 0..5 {
        assert_eq!(client.next_id(soon()).await, Ok(10 * number));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(client.losses().requests, 0);
}

/// A native server that answers by the script: bytes for each request, or nothing any more.
async fn native(
    script: impl Fn(u32, Ask<'_>, u32) -> Option<Vec<u8>> + Send + Sync + 'static,
) -> SocketAddr {
    let script = Arc::new(script);
    server(move |mut stream, _| {
        let script = script.clone();
        async move {
            stream.write_all(&PREAMBLE).await.unwrap();
            let (mut decoder, mut received) = (RequestDecoder::new(), [0; 512]);
            while let Ok(len @ 1..) = stream.read(&mut received).await {
                let (mut bytes, mut replies) = (&received[..len], Vec::new());
                while let Some((number, request)) = decoder.decode(&mut bytes).unwrap() {
                    let request = request.unwrap();
                    let Some(reply) = script(number, request.ask, request.deadline_ms) else {
                        return;
                    };
                    replies.push(reply);
                }
                // Turned round: answers may come in any order.
                replies.reverse();
                stream.write_all(&replies.concat()).await.unwrap();
            }
        }
    })
    .await
}

fn frame(encode: impl FnOnce(&mut [u8; REPLY_MAX]) -> usize) -> Option<Vec<u8>> {
    let mut buffer = [0; REPLY_MAX];
    let len = encode(&mut buffer);
    Some(buffer[..len].to_vec())
}

fn refusal(number: u32, cause: Cause) -> Option<Vec<u8>> {
    frame(|buffer| encode_refusal(number, cause, Some(10), "for a reason; ask again", buffer))
}

/// Each request is answered with its number, so many times over.
fn as_asked(number: u32, ask: Ask<'_>) -> Option<Vec<u8>> {
    let count = match ask {
        Ask::Ids { count, .. } | Ask::Snowflakes { count } => count,
        Ask::Health => return frame(|buffer| encode_health(number, true, "", buffer)),
    };
    let range = [IdRange::new(u64::from(number) << 32, 1, count.into()).unwrap()];
    frame(|buffer| encode_ids(number, &range, buffer).0)
}

fn natively(nodes: &[SocketAddr]) -> NativeClient {
    NativeClient::new(settings(nodes)).unwrap()
}

#[tokio::test]
async fn answers_in_any_order_find_their_callers() {
    let there = native(|number, ask, _| as_asked(number, ask)).await;
    let orders = natively(&[there]).sequence("orders").unwrap();
    let callers: Vec<_> = (1..=200)
        .map(|count| {
            let orders = orders.clone();
            tokio::spawn(async move { orders.take(count, soon()).await.unwrap() })
        })
        .collect();
    let mut starts = Vec::new();
    for (count, caller) in (1..).zip(callers) {
        let taken = caller.await.unwrap();
        assert_eq!(taken.ids().count(), count);
        starts.push(taken.ranges()[0].start());
    }
    starts.sort_unstable();
    starts.dedup();
    assert_eq!(starts.len(), 200, "an answer went to two callers");
}

#[tokio::test]
async fn causes_that_pass_elsewhere_go_elsewhere() {
    for cause in Cause::ALL {
        let ill = native(move |number, _, _| refusal(number, cause)).await;
        let well = native(|number, ask, _| as_asked(number, ask)).await;
        let mut refused = 0;
        for _ in 0..24 {
            match natively(&[ill, well]).snowflake(soon()).await {
                Ok(_) => {}
                Err(error) => {
                    assert_eq!(error.cause(), Some(cause));
                    assert!(error.to_string().contains("for a reason"), "{error}");
                    refused += 1;
                }
            }
        }
        match cause.helps_elsewhere() {
            true => assert_eq!(refused, 0, "{}", cause.name()),
            false => assert!(refused > 0, "{} was tried elsewhere", cause.name()),
        }
    }
}

#[tokio::test]
async fn a_refusal_everywhere_is_told_with_its_cause() {
    let ill = || native(|number, _, _| refusal(number, Cause::StoreDown));
    let client = natively(&[ill().await, ill().await]);
    let begun = Instant::now();
    let error = client.snowflakes(5, in_ms(400)).await.unwrap_err();
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(200) && took < Duration::from_millis(600), "{took:?}");
    assert_eq!((error.cause(), error.unanswered_ids()), (Some(Cause::StoreDown), 0), "{error}");
    assert_eq!(client.losses().requests, 0, "a refusal loses nothing");
}

#[tokio::test]
async fn the_server_learns_how_long_the_caller_waits() {
    let told = Arc::new(AtomicU64::new(0));
    let kept = told.clone();
    let there = native(move |number, ask, deadline_ms| {
        // Read when the answer has come.
        kept.store(deadline_ms.into(), Ordering::Relaxed);
        as_asked(number, ask)
    })
    .await;
    assert!(natively(&[there]).health(in_ms(2000)).await.unwrap().is_ready);
    // The answer came behind the store.
    let told = told.load(Ordering::Relaxed);
    assert!((1500..=1900).contains(&told), "{told} ms");
}

#[tokio::test]
async fn another_protocol_is_refused_before_anything_is_asked() {
    let http = server(|mut stream, _| async move {
        let _asked = stream.read(&mut [0; 64]).await;
        let _gone = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    })
    .await;
    let client = natively(&[http]);
    let said = client.snowflake(in_ms(300)).await.unwrap_err().to_string();
    assert!(said.contains("does not speak idgen's native protocol"), "{said}");
    assert_eq!(client.losses().requests, 0);
}

#[tokio::test]
async fn a_server_that_does_not_greet_is_left() {
    let mute = server(|stream, _| async move {
        tokio::time::sleep(Duration::from_secs(30)).await;
        drop(stream);
    })
    .await;
    let client = natively(&[mute]);
    let said = client.snowflake(in_ms(500)).await.unwrap_err().to_string();
    assert!(said.contains("no greeting within"), "{said}");
    assert_eq!(client.losses().requests, 0);
}
