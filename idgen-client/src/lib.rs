//! The other end of idgen's servers: ids from several nodes, over one connection for many callers.
//!
//! - [`GenIdClient`]: snowflakes of GenID nodes, idgen's or the original's.
//! - [`NativeClient`]: ids of any [`Sequence`] and snowflakes, over idgen's own protocol, which
//!   says why there is no id; [`Prefetch`] keeps some at hand.
//!
//! Both are given a list of addresses and use one node at a time, at first any of them:
//!
//! - **Fail-over.** A node that cannot be reached, breaks its connection, owes an answer and is
//!   silent, or says that another may help (its store is down, its lease lost, its clock held, it
//!   clashes, it drains) rests for a moment, twice as long each time up to a bound, and another is
//!   used at once. When all rest, callers wait for the first that has rested. The node in use is
//!   kept while it is well; nothing goes back to one that has recovered until it is needed.
//! - **Connections** are made when they are needed, again after they broke, and shared: requests
//!   of many callers are under way at the same time.
//! - **Deadlines** bound every call, whatever nodes and networks do.
//! - **Lost ids are told.** A request that was sent and whose answer never came may have taken ids
//!   that nobody will use. It is counted ([`Losses`]), told in the error if the call fails, and
//!   sent anew elsewhere: a gap, never a repeat.
//!
//! # Order
//!
//! Ids rise within one connection, in the order of the requests, as the server promises it;
//! [`Taken::connection`] tells one from another. Behind a new connection, to another node above
//! all, ids may lie below earlier ones: nodes lease different segments and stamp different machine
//! numbers. Who needs an order over nodes makes a sequence with `--order strict`.
//!
//! # Examples
//!
//! ```
//! use std::time::{Duration, Instant};
//!
//! use idgen_client::{GenIdClient, Settings};
//! # use tokio::io::{AsyncReadExt, AsyncWriteExt};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! # let (one, other) = ("127.0.0.1:1".to_owned(), listener.local_addr()?.to_string());
//! # tokio::spawn(async move {
//! #     let (mut stream, _) = listener.accept().await.unwrap();
//! #     let mut request = [0; 2];
//! #     for id in 7_u64.. {
//! #         stream.read_exact(&mut request).await.unwrap();
//! #         stream.write_all(&id.to_be_bytes()).await.unwrap();
//! #     }
//! # });
//! let client = GenIdClient::new(Settings::new([one, other]))?;
//! let deadline = Instant::now() + Duration::from_secs(2);
//! let id = client.next_id(deadline).await?;
//! assert!(id < client.next_id(deadline).await?);
//! # Ok(())
//! # }
//! ```

mod dialect;
mod error;
mod genid;
mod link;
mod native;
mod node;
mod nodes;
mod order;
mod prefetch;
mod settings;
mod taken;

pub use error::Error;
pub use genid::GenIdClient;
pub use native::{Health, NativeClient, Sequence};
pub use order::Losses;
pub use prefetch::Prefetch;
pub use settings::Settings;
pub use taken::Taken;
