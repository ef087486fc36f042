//! A connection to one server, or those to the nodes of a cluster, behind one face.

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{
    MultipleNodeRoutingInfo, ResponsePolicy, Route, RoutingInfo, SingleNodeRoutingInfo, SlotAddr,
};
use redis::{Cmd, Pipeline, RedisResult, Value};

/// A clone is the same connection.
#[derive(Clone)]
pub(super) enum Connection {
    One(MultiplexedConnection),
    /// Sends each command to the node that has its key, wherever it has moved.
    Cluster(ClusterConnection),
}

impl Connection {
    pub(super) async fn ask(&self, command: &Cmd) -> RedisResult<Value> {
        let told = match self {
            Self::One(connection) => connection.clone().req_packed_command(command).await?,
            Self::Cluster(connection) => connection.clone().req_packed_command(command).await?,
        };
        sound(told)
    }

    /// The answer of each server that grants: of the one, or of all masters of a cluster.
    pub(super) async fn ask_each(&self, command: &Cmd) -> RedisResult<Vec<Value>> {
        let Self::Cluster(connection) = self else { return Ok(vec![self.ask(command).await?]) };
        let masters = (MultipleNodeRoutingInfo::AllMasters, Some(ResponsePolicy::Special));
        let routing = RoutingInfo::MultiNode(masters);
        let told = connection.clone().route_command(command.clone(), routing).await?;
        match sound(told)? {
            Value::Map(pairs) => pairs.into_iter().map(|(_, value)| sound(value)).collect(),
            other => Ok(vec![other]),
        }
    }

    /// Sends a command about `key` and, behind it in the same packet, a `WAIT` for replicas.
    pub(super) async fn ask_confirmed(
        &self,
        command: &Cmd,
        key: &str,
        replicas: u64,
        limit_ms: u64,
    ) -> RedisResult<(Value, Value)> {
        let mut both = Pipeline::with_capacity(2);
        let mut confirm = redis::cmd("WAIT");
        confirm.arg(replicas).arg(limit_ms);
        both.add_command(command.clone()).add_command(confirm);
        let told = match self {
            Self::One(connection) => connection.clone().req_packed_commands(&both, 0, 2).await?,
            Self::Cluster(connection) => {
                let route = Route::with_key(key, SlotAddr::Master);
                let route = SingleNodeRoutingInfo::SpecificNode(route);
                connection.clone().route_pipeline(both, 0, 2, route).await?
            }
        };
        let mut told = told.into_iter();
        let mut next = || sound(told.next().unwrap_or(Value::Nil));
        let answer = next()?;
        Ok((answer, next()?))
    }
}

/// An error that the server sent comes as a value where several answers come together.
fn sound(value: Value) -> RedisResult<Value> {
    match value {
        Value::ServerError(error) => Err(error.into()),
        value => Ok(value),
    }
}
