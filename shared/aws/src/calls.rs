//! Calls that take several things at once.

/// The items of each call, in their order: at most `most_items` and `most_bytes` a call, each of as many bytes as `bytes` says. Calls are as full
/// as they may be. An item that is too large by itself has a call of its own.
pub fn calls<T>(
    items: Vec<T>,
    most_items: usize,
    most_bytes: usize,
    bytes: impl Fn(&T) -> usize,
) -> impl Iterator<Item = Vec<T>> {
    let mut items = items.into_iter().peekable();
    std::iter::from_fn(move || {
        let first = items.next()?;
        let mut filled = bytes(&first);
        let mut call = vec![first];
        while call.len() < most_items
            && let Some(item) = items.next_if(|item| filled + bytes(item) <= most_bytes)
        {
            filled += bytes(&item);
            call.push(item);
        }
        Some(call)
    })
}
