//! The servers that a URL names: one, a master that sentinels watch, or a cluster.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::cluster::{ClusterClient, ClusterClientBuilder};
use redis::io::tcp::TcpSettings;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, IntoConnectionInfo, RedisConnectionInfo,
    RedisResult, TlsCertificates, TlsMode,
};

use super::connection::Connection;
use super::fault::Fault;
use super::tls;
use crate::StoreError;
use crate::url::{HostPort, StoreUrl};

const PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

/// How often a request follows a key that has moved, or waits for a node that is away.
const CLUSTER_RETRIES: u32 = 6;
/// The pause before such a try at the longest.
const CLUSTER_PAUSE_MS: u64 = 100;

/// How long each step on the way may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) connect: Duration,
    pub(super) answer: Duration,
}

/// How servers belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    One,
    Watched,
    Cluster,
}

impl Form {
    /// The form and whether it is encrypted, of a URL's scheme.
    pub(super) fn of_scheme(scheme: &str) -> Option<(Self, bool)> {
        let (kind, form) = scheme.split_once(['-', '+']).unwrap_or((scheme, ""));
        let form = match form {
            "" if kind == scheme => Self::One,
            "sentinel" => Self::Watched,
            "cluster" => Self::Cluster,
            _ => return None,
        };
        match kind {
            "redis" => Some((form, false)),
            "rediss" => Some((form, true)),
            _ => None,
        }
    }
}

/// Where connections go. No password is in its `Debug`.
#[derive(Clone)]
pub(super) enum Servers {
    One(Client),
    Watched(Watched),
    Cluster(Box<ClusterClient>),
}

/// A master, which sentinels name.
#[derive(Clone)]
pub(super) struct Watched {
    sentinels: Vec<Client>,
    /// What the sentinels call the master and its replicas.
    service: String,
    access: Access,
}

/// Who asks, and whether in secret.
#[derive(Clone)]
struct Access {
    login: RedisConnectionInfo,
    /// `None` where nothing is encrypted.
    certificates: Option<TlsCertificates>,
}

impl Access {
    fn client(&self, host: &str, port: u16) -> RedisResult<Client> {
        let host = host.to_owned();
        let address = match self.certificates {
            None => ConnectionAddr::Tcp(host, port),
            Some(_) => ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None },
        };
        let tcp = TcpSettings::default().set_nodelay(true);
        let info = address.into_connection_info()?.set_tcp_settings(tcp);
        let info = info.set_redis_settings(self.login.clone());
        match &self.certificates {
            None => Client::open(info),
            Some(certificates) => Client::build_with_tls(info, certificates.clone()),
        }
    }
}

impl Servers {
    /// The servers of a URL, from which the options about them are taken.
    pub(super) fn of(url: &mut StoreUrl, limits: Limits) -> Result<Self, StoreError> {
        let place = url.place();
        let refused = |what: String| StoreError::Refused(format!("{place} {what}"));
        let Some((form, encrypted)) = Form::of_scheme(&url.scheme) else {
            return Err(refused("is no URL of Redis; begin it with redis://".to_owned()));
        };
        if url.hosts.iter().any(|at| at.host.starts_with('/')) {
            return Err(refused("names a socket; write a host and a port".to_owned()));
        }
        let certificates = if encrypted { Some(tls::certificates(url, &place)?) } else { None };
        let mut login = login(url.user.as_deref(), url.password.as_ref().map(|it| it.reveal()));
        let broken = |error| refused(format!("cannot be used: {error}; correct the URL"));
        let path = url.path.clone();
        match form {
            Form::One => {
                login = login.set_db(database(&path).map_err(refused)?);
                let [at] = &url.hosts[..] else {
                    return Err(refused(several(&url.scheme)));
                };
                let client = Access { login, certificates }.client(&at.host, port(at, PORT));
                client.map(Self::One).map_err(broken)
            }
            Form::Watched => {
                let (service, path) = path.split_once('/').unwrap_or((&path, ""));
                if service.is_empty() {
                    let next = "write what the sentinels call it behind the hosts, as in /mymaster";
                    return Err(refused(format!("names no master; {next}")));
                }
                login = login.set_db(database(path).map_err(refused)?);
                let (user, password) = (url.take("sentinel_user"), url.take("sentinel_password"));
                let asking = self::login(user.as_deref(), password.as_deref());
                let access = Access { login, certificates: certificates.clone() };
                let asking = Access { login: asking, certificates };
                let sentinel = |at: &HostPort| asking.client(&at.host, port(at, SENTINEL_PORT));
                let sentinels = url.hosts.iter().map(sentinel).collect::<RedisResult<_>>();
                let sentinels = sentinels.map_err(broken)?;
                Ok(Self::Watched(Watched { sentinels, service: service.to_owned(), access }))
            }
            Form::Cluster => {
                if !path.is_empty() {
                    let what = "names a database, and a cluster has one only; leave it out";
                    return Err(refused(what.to_owned()));
                }
                cluster(url, &Access { login, certificates }, limits)
                    .map(|client| Self::Cluster(Box::new(client)))
                    .map_err(broken)
            }
        }
    }

    pub(super) fn form(&self) -> Form {
        match self {
            Self::One(_) => Form::One,
            Self::Watched(_) => Form::Watched,
            Self::Cluster(_) => Form::Cluster,
        }
    }

    /// Makes a connection; to a master if sentinels know one.
    pub(super) async fn connect(&self, limits: Limits) -> Result<Connection, Fault> {
        match self {
            Self::One(client) => Ok(Connection::One(connect(client, limits).await?)),
            Self::Watched(watched) => watched.connect(limits).await.map(Connection::One),
            Self::Cluster(client) => Ok(Connection::Cluster(client.get_async_connection().await?)),
        }
    }
}

impl Watched {
    /// Asks one sentinel after the other, until one names a server that says it is the master.
    async fn connect(&self, limits: Limits) -> Result<MultiplexedConnection, Fault> {
        // One that is silent leaves time for the others.
        let share = u32::try_from(self.sentinels.len() + 1).unwrap_or(u32::MAX);
        let each = Limits { connect: limits.connect / share, ..limits };
        let mut said = Vec::new();
        for sentinel in &self.sentinels {
            match tokio::time::timeout(each.connect, self.follow(sentinel, each)).await {
                Ok(Ok(connection)) => return Ok(connection),
                Ok(Err(why)) => {
                    said.push(format!("{}: {why}", sentinel.get_connection_info().addr()))
                }
                Err(_late) => {
                    said.push(format!(
                        "{}: no answer in time",
                        sentinel.get_connection_info().addr()
                    ));
                }
            }
        }
        let service = self.service.escape_debug();
        Err(Fault::Unfit(format!(
            "leads to no master '{service}' ({}); see that sentinels and master run and can be \
             reached, and retry",
            said.join("; ")
        )))
    }

    /// The master that this sentinel names.
    async fn follow(
        &self,
        sentinel: &Client,
        limits: Limits,
    ) -> Result<MultiplexedConnection, String> {
        let cause = |error: redis::RedisError| error.to_string();
        let mut asked = connect(sentinel, limits).await.map_err(cause)?;
        let mut question = redis::cmd("SENTINEL");
        question.arg("GET-MASTER-ADDR-BY-NAME").arg(&self.service);
        let named: Option<(String, u16)> = question.query_async(&mut asked).await.map_err(cause)?;
        let (host, port) = named.ok_or("it watches no master of this name")?;
        let client = self.access.client(&host, port).map_err(cause)?;
        let of = |why: String| format!("the master it names, {host}:{port}: {why}");
        let mut connection =
            connect(&client, limits).await.map_err(|error| of(error.to_string()))?;
        let role: redis::Value = redis::cmd("ROLE")
            .query_async(&mut connection)
            .await
            .map_err(|error| of(error.to_string()))?;
        let is_master = matches!(&role, redis::Value::Array(parts)
            if parts.first().and_then(super::scripts::text).as_deref() == Some("master"));
        if is_master { Ok(connection) } else { Err(of("it is a replica".to_owned())) }
    }
}

async fn connect(client: &Client, limits: Limits) -> RedisResult<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(limits.connect))
        .set_response_timeout(Some(limits.answer));
    client.get_multiplexed_async_connection_with_config(&config).await
}

fn cluster(url: &StoreUrl, access: &Access, limits: Limits) -> RedisResult<ClusterClient> {
    let node = |at: &HostPort| {
        let client = access.client(&at.host, port(at, PORT))?;
        Ok(client.get_connection_info().clone())
    };
    let nodes: Vec<_> = url.hosts.iter().map(node).collect::<RedisResult<_>>()?;
    let mut builder = ClusterClientBuilder::new(nodes)
        .retries(CLUSTER_RETRIES)
        .min_retry_wait(1)
        .max_retry_wait(CLUSTER_PAUSE_MS)
        .tcp_settings(TcpSettings::default().set_nodelay(true))
        .connection_timeout(limits.connect)
        .response_timeout(limits.answer)
        .overall_response_timeout(Some(limits.answer));
    if let Some(certificates) = &access.certificates {
        builder = builder.tls(TlsMode::Secure).certs(certificates.clone());
    }
    builder.build()
}

fn login(user: Option<&str>, password: Option<&str>) -> RedisConnectionInfo {
    let mut login = RedisConnectionInfo::default();
    if let Some(user) = user {
        login = login.set_username(user);
    }
    // Without any, the driver would leave out the user as well.
    if let Some(password) = password.or(user.map(|_| "")) {
        login = login.set_password(password);
    }
    login
}

fn port(at: &HostPort, usual: u16) -> u16 {
    at.port.unwrap_or(usual)
}

fn database(path: &str) -> Result<i64, String> {
    match path {
        "" => Ok(0),
        path => path.parse::<u16>().map(i64::from).map_err(|_no_number| {
            "names no database of Redis; write its number behind the host, for example /0"
                .to_owned()
        }),
    }
}

fn several(scheme: &str) -> String {
    format!(
        "names several servers; name the one that is the primary, or write {scheme}-sentinel:// \
         or {scheme}-cluster:// if that is what they are"
    )
}

impl std::fmt::Debug for Servers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Servers").field(&self.form()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(url: &str) -> Result<Servers, StoreError> {
        let second = Duration::from_secs(1);
        Servers::of(&mut StoreUrl::parse(url)?, Limits { connect: second, answer: second })
    }

    fn refused(url: &str) -> String {
        let error = servers(url).unwrap_err();
        assert!(matches!(error, StoreError::Refused(_)), "{error}");
        let said = error.to_string();
        assert!(!said.contains("secret"), "{said}");
        said
    }

    #[test]
    fn schemes_tell_the_form() {
        let of = Form::of_scheme;
        assert_eq!(
            (of("redis"), of("rediss")),
            (Some((Form::One, false)), Some((Form::One, true)))
        );
        assert_eq!(of("redis-sentinel"), Some((Form::Watched, false)));
        assert_eq!(of("rediss+sentinel"), Some((Form::Watched, true)));
        assert_eq!(of("redis+cluster"), Some((Form::Cluster, false)));
        assert_eq!(of("rediss-cluster"), Some((Form::Cluster, true)));
        for other in ["redisx", "redis-", "redis-clusters", "valkey", "-sentinel", ""] {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn one_server_has_a_login_and_a_database() {
        let Servers::One(client) = servers("redis://:secret@host").unwrap() else { panic!() };
        let info = client.get_connection_info();
        assert_eq!((info.redis_settings().db(), info.redis_settings().username()), (0, None));
        assert_eq!(info.redis_settings().password(), Some("secret"));
        assert_eq!(*info.addr(), ConnectionAddr::Tcp("host".to_owned(), 6379));
        let Servers::One(client) = servers("rediss://me@[::1]:1/3").unwrap() else { panic!() };
        let info = client.get_connection_info();
        assert_eq!((info.redis_settings().db(), info.redis_settings().username()), (3, Some("me")));
        let ConnectionAddr::TcpTls { host, port: 1, insecure: false, .. } = info.addr() else {
            panic!("{:?}", info.addr())
        };
        assert_eq!(host, "::1");
    }

    #[test]
    fn sentinels_have_a_login_of_their_own() {
        let url = "redis-sentinel://me:secret@a,b:1/mymaster/2?sentinel_password=secret2";
        let servers = servers(url).unwrap();
        assert!(!format!("{servers:?}").contains("secret"));
        let Servers::Watched(watched) = servers else { panic!() };
        assert_eq!((watched.service.as_str(), watched.access.login.db()), ("mymaster", 2));
        assert_eq!(watched.access.login.password(), Some("secret"));
        let addresses: Vec<String> = watched
            .sentinels
            .iter()
            .map(|client| {
                assert_eq!(
                    client.get_connection_info().redis_settings().password(),
                    Some("secret2")
                );
                client.get_connection_info().addr().to_string()
            })
            .collect();
        assert_eq!(addresses, ["a:26379", "b:1"]);
    }

    #[test]
    fn what_cannot_be_had_is_refused_by_name() {
        assert!(refused("redis://:secret@host/ids").contains("number"));
        assert!(refused("redis://:secret@one,two").contains("redis-sentinel://"));
        assert!(refused("redis://:secret@%2Frun%2Fredis").contains("socket"));
        assert!(refused("redis-sentinel://:secret@one,two").contains("/mymaster"));
        assert!(refused("redis-sentinel://:secret@one/name/x").contains("number"));
        assert!(refused("redis-cluster://:secret@one,two/1").contains("one only"));
        assert!(refused("rediss://:secret@one?tls_ca=/no/such").contains("/no/such"));
        servers("redis-cluster://:secret@one,two").unwrap();
    }
}
