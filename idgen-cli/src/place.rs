//! Where ids are recorded: the store and the data directory.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use idgen_store::set::StoreSet;
use idgen_store::{OpenRegistry, OpenStore, WorkerRegistry};

use crate::args::worker_id::UnrecordedArgs;
use crate::args::{PlaceArgs, RegistryArgs};
use crate::failure::Failure;

/// The store's file in the data directory.
const STORE_FILE: &str = "idgen.db";

/// Opens the store that was asked for; the usual one is made in the data directory.
///
/// # Errors
///
/// A store that forgets is refused unless that was allowed.
pub(crate) fn open(args: &PlaceArgs) -> Result<OpenStore, Failure> {
    match &args.store[..] {
        [] => {
            make_data_dir(&args.data_dir)?;
            open_kept(&usual_url(&args.data_dir)?, args.volatile)
        }
        [url] => open_kept(url, args.volatile),
        urls => open_set(urls, args.volatile),
    }
}

/// Opens several stores as one. Worker ids come from the first.
fn open_set(urls: &[String], volatile: bool) -> Result<OpenStore, Failure> {
    let open = |url: &String| Ok((open_kept(url, volatile)?, shown(url)));
    let stores = urls.iter().map(open).collect::<Result<Vec<_>, Failure>>()?;
    let members =
        stores.iter().map(|(store, place)| (Arc::clone(&store.sequences), place.clone())).collect();
    let outlives_process = stores.iter().all(|(store, _)| store.outlives_process);
    let (mut set, _) = stores.into_iter().next().expect("several were named");
    set.sequences = Arc::new(StoreSet::new(members)?);
    set.outlives_process = outlives_process;
    Ok(set)
}

/// Opens the store and the registry that were asked for; `needed` says that worker ids are.
///
/// # Errors
///
/// Beside those of [`open`]: worker ids are needed and neither keeps any, or they are to be
/// recorded nowhere and the store records them.
pub(crate) fn open_with_workers(
    args: &PlaceArgs,
    registry: &RegistryArgs,
    unrecorded: UnrecordedArgs,
    needed: bool,
) -> Result<OpenStore, Failure> {
    let store = open(args)?;
    if unrecorded.worker_unrecorded {
        return without_record(args, store);
    }
    if let Some(url) = &registry.registry {
        let lender = open_registry(url)?;
        check_kept("registry", url, lender.outlives_process || args.volatile)?;
        return Ok(store.with_registry(lender));
    }
    if needed && store.workers.is_none() {
        let url = args.store.first().map(String::as_str).unwrap_or_default();
        return Err(Failure::refused(format!(
            "store {} keeps no worker ids, which snowflakes and the GenID door need; add \
             --registry file:DIRECTORY on a volume that outlives this process, or --registry \
             sqlite:PATH, if all servers of the id space run on this host, else any store that \
             keeps them; or name a worker id and record it nowhere: --worker-unrecorded; or serve \
             without them: --layout off --tcp off",
            shown(url)
        )));
    }
    Ok(store)
}

/// Opens the registry of worker ids for a look: nothing is made.
///
/// # Errors
///
/// There is no such store, or it keeps no worker ids.
pub(crate) fn open_workers(
    args: &PlaceArgs,
    registry: &RegistryArgs,
) -> Result<Arc<dyn WorkerRegistry>, Failure> {
    let url = registry_url(args, registry)?;
    check_exists(&url)?;
    let registry = open_registry(&url)
        .map_err(|failure| failure.with_hint("; --registry names the registry of the servers"))?;
    Ok(registry.workers)
}

/// Whether a registry was named or is in the data directory.
pub(crate) fn has_registry(args: &PlaceArgs, registry: &RegistryArgs) -> bool {
    let is_named = registry.registry.is_some() || !args.store.is_empty();
    is_named || args.data_dir.join(STORE_FILE).exists()
}

/// Where the servers that are started with these arguments record worker ids.
fn registry_url(args: &PlaceArgs, registry: &RegistryArgs) -> Result<String, Failure> {
    match (&registry.registry, args.store.first()) {
        (Some(url), _) | (None, Some(url)) => Ok(url.clone()),
        (None, None) => usual_url(&args.data_dir),
    }
}

/// The same for what needs worker ids and no sequences: it makes no store to record nothing.
pub(crate) fn open_for_ids(
    args: &PlaceArgs,
    registry: &RegistryArgs,
    unrecorded: UnrecordedArgs,
) -> Result<OpenStore, Failure> {
    if unrecorded.worker_unrecorded && args.store.is_empty() {
        return Ok(open_url("memory:")?.with_unrecorded_workers());
    }
    open_with_workers(args, registry, unrecorded, true)
}

/// Only where there is nothing that could record.
fn without_record(args: &PlaceArgs, store: OpenStore) -> Result<OpenStore, Failure> {
    if store.workers.is_none() || !store.outlives_process {
        return Ok(store.with_unrecorded_workers());
    }
    let place = args
        .store
        .first()
        .map_or_else(|| format!("in {}", args.data_dir.display()), |url| shown(url));
    Err(Failure::usage(format!(
        "--worker-unrecorded: store {place} records worker ids; leave the option out, or, if \
         nothing here outlives the process, say so: --store memory: --volatile"
    )))
}

/// Opens a registry by its URL.
fn open_registry(url: &str) -> Result<OpenRegistry, Failure> {
    idgen_store::open_registry(url)
        .map_err(|error| Failure::from(error).while_doing(&format!("registry {}", shown(url))))
}

/// Opens a store that is not to forget, unless that was allowed.
fn open_kept(url: &str, volatile: bool) -> Result<OpenStore, Failure> {
    let store = open_url(url)?;
    check_kept("store", url, store.outlives_process || volatile)?;
    Ok(store)
}

fn check_kept(what: &str, url: &str, is_kept: bool) -> Result<(), Failure> {
    if is_kept {
        return Ok(());
    }
    Err(Failure::refused(format!(
        "{what} {} forgets every id when the process ends and would issue them again; choose a \
         durable one, or add --volatile if that is meant",
        shown(url)
    )))
}

/// Opens a store by its URL.
pub(crate) fn open_url(url: &str) -> Result<OpenStore, Failure> {
    idgen_store::open(url)
        .map_err(|error| Failure::from(error).while_doing(&format!("store {}", shown(url))))
}

/// Opens a store that is there already: a look must not make a file.
pub(crate) fn open_existing(url: &str) -> Result<OpenStore, Failure> {
    check_exists(url)?;
    open_url(url)
}

fn check_exists(url: &str) -> Result<(), Failure> {
    let rest = ["sqlite:", "file:"].iter().find_map(|scheme| url.strip_prefix(scheme));
    let Some(rest) = rest else { return Ok(()) };
    let path = Path::new(rest.strip_prefix("//").unwrap_or(rest));
    match path.metadata() {
        Ok(_) => Ok(()),
        Err(error) => Err(Failure::store(format!(
            "store {url}: {error}; see that the path is right, or start a server there first"
        ))),
    }
}

/// Options that say where in a server the sequences are, and hold no secrets.
const WHERE: [&str; 3] = ["schema", "key", "prefix"];

/// A store as others are told of it: without its login, and with a path that holds anywhere on this
/// host.
pub(crate) fn named(url: &str) -> Result<String, Failure> {
    if let Some(rest) = url.strip_prefix("sqlite:") {
        let path = std::path::absolute(rest.strip_prefix("//").unwrap_or(rest))
            .map_err(|error| Failure::usage(format!("store {url}: {error}; name a file")))?;
        return Ok(format!("sqlite:{}", path.display()));
    }
    let place = shown(url).replacen("***@", "", 1).replace("?***", "");
    // Behind an @ in it begins the place: then it is a piece of a password.
    let query = url.rsplit_once('?').map_or("", |(_, query)| query);
    let query = if query.contains('@') { "" } else { query };
    let is_known =
        |word: &&str| word.split_once('=').is_some_and(|(option, _)| WHERE.contains(&option));
    let kept: Vec<&str> = query.split('&').filter(is_known).collect();
    let mark = if kept.is_empty() { "" } else { "?" };
    Ok(format!("{place}{mark}{}", kept.join("&")))
}

/// Makes the data directory.
pub(crate) fn make_data_dir(dir: &Path) -> Result<(), Failure> {
    fs::create_dir_all(dir).map_err(|error| {
        Failure::store(format!(
            "cannot make the data directory {}: {error}; make its parent writable or choose \
             another with --data-dir",
            dir.display()
        ))
    })
}

fn usual_url(dir: &Path) -> Result<String, Failure> {
    let path = dir.join(STORE_FILE);
    let path = path.to_str().ok_or_else(|| {
        Failure::usage(format!("data directory {} is not UTF-8; choose another", dir.display()))
    })?;
    Ok(format!("sqlite:{path}"))
}

/// A URL as messages may show it: what stands before an `@` may be a password, and so may the value
/// of an option. The form that Go programs use for MySQL has no scheme.
pub(crate) fn shown(url: &str) -> String {
    if !is_url(url)
        && let Some(at) = ["@tcp(", "@unix(", "@/"].iter().find_map(|at| url.rfind(at))
    {
        let place = url[at..].split_once('?').map_or(&url[at..], |(place, _options)| place);
        return format!("***{place}");
    }
    if ["sqlite:", "file:"].iter().any(|scheme| url.starts_with(scheme)) {
        return url.to_owned();
    }
    let Some((scheme, rest)) = url.split_once("://").filter(|_| is_url(url)) else {
        // Mistyped; what stands before an @ may be a password all the same.
        let place = url.rfind('@').map(|at| &url[at..]);
        return place.map_or(url.to_owned(), |place| format!("***{place}"));
    };
    let (secret, place) = match rest.rsplit_once('@') {
        Some((_secret, place)) => ("***@", place),
        None => ("", rest),
    };
    match place.split_once('?') {
        Some((place, _options)) => format!("{scheme}://{secret}{place}?***"),
        None => format!("{scheme}://{secret}{place}"),
    }
}

/// Whether a text names a store by its scheme. A password in the form that Go programs use may hold
/// `://` too, but what stands before it is no plain word then.
pub(crate) fn is_url(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"+-".contains(&byte);
    ["sqlite:", "memory:", "file:"].iter().any(|scheme| text.starts_with(scheme))
        || text.split_once("://").is_some_and(|(scheme, _)| scheme.bytes().all(plain))
}

/// A URL, or Go's form of one, with more options.
pub(crate) fn with_options(url: &str, options: &str) -> String {
    // A password of Go's form may hold a question mark, so options begin behind its last slash.
    let database = match is_url(url) {
        true => 0,
        false => url.rfind(")/").or(url.rfind("@/")).unwrap_or(0),
    };
    let mark = if url[database..].contains('?') { '&' } else { '?' };
    format!("{url}{mark}{options}")
}

/// A runtime for commands that do one thing and end.
pub(crate) fn block_on<F: Future>(future: F) -> Result<F::Output, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::refused(format!("cannot start: {error}")))?;
    Ok(runtime.block_on(future))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_named_without_its_login() {
        let of = |url: &str| named(url).unwrap();
        assert_eq!(of("postgres://me:secret@host:1/db?connections=3"), "postgres://host:1/db");
        assert_eq!(of("redis://host/2?key=integers&offset=1"), "redis://host/2?key=integers");
        assert_eq!(of("me:secret@tcp(host:1)/db?schema=idpool"), "tcp(host:1)/db?schema=idpool");
        assert_eq!(of("mysql://me:a?key=b&c@host/db"), "mysql://host/db");
        assert_eq!(of("sqlite:/a/b@c.db"), "sqlite:/a/b@c.db");
        assert!(of("sqlite:a.db").starts_with("sqlite:/"));
    }

    #[test]
    fn passwords_are_not_shown() {
        assert_eq!(shown("mysql://me:secret@host/db"), "mysql://***@host/db");
        assert_eq!(shown("mysql://me:a?b@host/db?key=secret"), "mysql://***@host/db?***");
        assert_eq!(shown("redis://host?key=secret"), "redis://host?***");
        assert_eq!(shown("me:secret@tcp(host:1)/db?a=b"), "***@tcp(host:1)/db");
        assert_eq!(shown("me:se/cr?et@/db"), "***@/db");
        assert_eq!(shown("me:secret://x@tcp(host)/db"), "***@tcp(host)/db");
        assert_eq!(shown("postgres://me:secret@/db"), "postgres://***@/db");
        assert_eq!(shown("postgres:/me:secret@host/db"), "***@host/db");
        assert_eq!(shown("me:secret@host/db"), "***@host/db");
        assert_eq!(shown("sqlite:a@b.db"), "sqlite:a@b.db");
        assert_eq!(shown("file:a@b?c"), "file:a@b?c");
        assert_eq!(shown("sqlite:///a@b?.db"), "sqlite:///a@b?.db");
    }
}
