//! Words of all stores that keep small texts and replace them on a condition.

/// Version and text as they stand; `None` if there never were any.
pub(crate) type Found<V> = Option<(V, String)>;

/// What became of a swap.
#[derive(Debug)]
pub(crate) enum Swapped<V> {
    /// The text is there, under this version.
    Done(V),
    /// Nothing was changed; this stands there now.
    Stale(Found<V>),
}
