//! What a test orders of the cluster; rqlite has nothing of this.
//!
//! `GET /stand-in` on any node tells the state as JSON. Orders are `POST`s, nodes count from 1:
//!
//! | path | does |
//! |---|---|
//! | `/stand-in/leader?node=N` | node N leads from now on |
//! | `/stand-in/leader?node=none` | nobody leads |
//! | `/stand-in/node?node=N&up=false` | node N ends its connections and listens no more |
//! | `/stand-in/lose?replies=K` | the next K writes are made, and their replies are lost |
//! | `/stand-in/delay?ms=T` | each request to the database takes that much longer |
//! | `/stand-in/redirect?always=true` | followers answer 301 without being asked to |
//! | `/stand-in/loop?on=true` | each node names the next, the leader too |
//! | `/stand-in/login?user=U&password=P` | requests must bring these; without both, none |
//! | `/stand-in/calm` | all of this is taken back, and node 1 leads |

use hyper::{Method, StatusCode};
use serde_json::json;

use crate::cluster::{Cluster, State};
use crate::node::{Answer, Options, json, ms, plain};

pub(crate) fn obey(cluster: &Cluster, method: &Method, path: &str, options: &Options) -> Answer {
    if method == Method::POST {
        let order = path.trim_start_matches("/stand-in/");
        if done(cluster, order, options).is_none() {
            let why = format!("'{order}' is no order, or lacks an option or has a wrong one\n");
            return plain(StatusCode::BAD_REQUEST, why);
        }
    }
    json(StatusCode::OK, &told(cluster))
}

fn told(cluster: &Cluster) -> serde_json::Value {
    let state = cluster.state().clone();
    let up: Vec<bool> = (0..cluster.nodes.len()).map(|node| cluster.is_up(node)).collect();
    json!({
        "leader": state.leader.map(|leader| leader + 1),
        "up": up,
        "redirects": state.redirects,
        "loops": state.loops,
        "lose": state.lose,
        "delay_ms": state.delay.as_millis().to_string(),
        "login": state.login.is_some(),
        "requests": state.requests,
    })
}

fn done(cluster: &Cluster, order: &str, options: &Options) -> Option<()> {
    let option = |name: &str| options.get(name).map(String::as_str);
    let flag = |name: &str| option(name)?.parse::<bool>().ok();
    let node = || {
        let node = option("node")?.parse::<usize>().ok()?.checked_sub(1)?;
        (node < cluster.nodes.len()).then_some(node)
    };
    match order {
        "leader" if option("node") == Some("none") => cluster.state().leader = None,
        "leader" => cluster.state().leader = Some(node()?),
        "node" => {
            let up = flag("up")?;
            cluster.nodes[node()?].up.send_replace(up);
        }
        "lose" => cluster.state().lose = option("replies")?.parse().ok()?,
        "delay" => cluster.state().delay = ms(option("ms")?)?,
        "redirect" => cluster.state().redirects = flag("always")?,
        "loop" => cluster.state().loops = flag("on")?,
        "login" => {
            let login = option("user").zip(option("password"));
            cluster.state().login = login.map(|(user, word)| (user.to_owned(), word.to_owned()));
        }
        "calm" => calm(cluster),
        _ => return None,
    }
    Some(())
}

fn calm(cluster: &Cluster) {
    for node in &cluster.nodes {
        node.up.send_replace(true);
    }
    let mut state = cluster.state();
    let (redirects, requests) = (false, state.requests.clone());
    let (lose, delay, login) = (0, std::time::Duration::ZERO, None);
    *state = State { leader: Some(0), redirects, loops: false, lose, delay, login, requests };
}
