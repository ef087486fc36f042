//! Servers that are not there or do not answer, and secrets that stay secret meanwhile.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use idgen_store::{SequenceStore, StoreError};

use super::super::backend::open;
use super::super::{Backend, Place, as_user, closed_port, fresh, orders, wait, with_option};
use super::{all, lease};

/// A password that nobody has.
const PASSWORD: &str = "hunter2";

async fn refused_lease(store: Arc<dyn SequenceStore>) -> StoreError {
    store.lease(&orders(), 1, 0).await.unwrap_err()
}

pub(crate) fn callers_share_the_failure_to_connect<B: Backend>() {
    let place = fresh::<B>();
    let port = closed_port();
    let store = open(&Place::<B>::limited(&place.by_port(port), 1000));
    let began = Instant::now();
    let errors = wait(async {
        all((0..200).map(|_| tokio::spawn(refused_lease(store.clone()))).collect()).await
    });
    assert!(errors.iter().all(|error| matches!(error, StoreError::Unavailable(_))));
    assert!(began.elapsed() < Duration::from_secs(5), "after {:?}", began.elapsed());
    let said = errors[0].to_string();
    assert!(said.contains(&port.to_string()) && said.contains("retry"), "{said}");
}

/// It lets clients connect, and says nothing.
pub(crate) fn a_black_hole_is_unavailable_in_time<B: Backend>() {
    let place = fresh::<B>();
    let hole = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = hole.local_addr().unwrap().port();
    let store = open(&Place::<B>::limited(&place.by_port(port), 300));
    let began = Instant::now();
    let late = lease(&*store, 1).unwrap_err();
    assert!(matches!(&late, StoreError::Unavailable(_)), "{late}");
    assert!(began.elapsed() < Duration::from_secs(5), "after {:?}", began.elapsed());
    let said = late.to_string();
    assert!(said.contains(&port.to_string()), "{said}");
}

/// Not when the server refuses it, not when there is none, not for an option that is wrong.
pub(crate) fn passwords_are_never_shown<B: Backend>() {
    let place = fresh::<B>();
    let login = format!("nobody-here:{PASSWORD}");
    let urls = [place.url(), place.by_port(closed_port())];
    let mut said = Vec::new();
    for url in urls.map(|url| as_user(&url, &login)) {
        let wrong = with_option(&url, "no_such_option=1");
        let refused = idgen_store::open(&wrong).unwrap_err();
        assert!(matches!(refused, StoreError::Refused(_)), "{refused}");
        said.push(format!("{refused} {refused:?}"));
        match idgen_store::open(&Place::<B>::limited(&url, 1000)) {
            Ok(opened) => {
                let answer = wait(opened.sequences.lease(&orders(), 1, 0));
                let error = answer.unwrap_err();
                said.push(format!("{error} {error:?} {opened:?}"));
            }
            Err(error) => said.push(format!("{error} {error:?}")),
        }
    }
    assert_eq!(said.len(), 4);
    assert!(said.iter().all(|said| !said.contains(PASSWORD)), "{said:?}");
}
