//! A bounded cache with expiry, in which concurrent callers share one fetch.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::OnceCell;
use tokio::time::Instant;

/// The digest of a request.
pub(crate) type Key = [u8; 32];

/// The weight of an entry without its value, so that the number of empty values is bounded too.
const ENTRY_WEIGHT: usize = 256;

/// A cache of successful results for `ttl`, of at most `max_weight` in total; the oldest entries
/// are evicted first.
///
/// Waiting for one key never blocks another. If the caller that fetches is dropped or fails, the
/// next caller that waits for the key fetches: failures are not cached.
pub(crate) struct Cache<V> {
    ttl: Duration,
    max_weight: usize,
    weigh: fn(&V) -> usize,
    entries: Mutex<HashMap<Key, Arc<OnceCell<Entry<V>>>>>,
}

struct Entry<V> {
    value: V,
    weight: usize,
    expires_at: Instant,
}

impl<V: Clone> Cache<V> {
    pub(crate) fn new(ttl: Duration, max_weight: usize, weigh: fn(&V) -> usize) -> Self {
        Self {
            ttl,
            max_weight,
            weigh,
            entries: Mutex::default(),
        }
    }

    /// Returns the cached value of `key`, or else the result of `fetch`.
    pub(crate) async fn get_or_try<E>(
        &self,
        key: Key,
        fetch: impl Future<Output = Result<V, E>>,
    ) -> Result<V, E> {
        let lease = Lease::new(self, key);
        let mut fetched = false;
        let entry = lease
            .cell()
            .get_or_try_init(|| async {
                let value = fetch.await?;
                fetched = true;
                Ok(Entry {
                    weight: (self.weigh)(&value).saturating_add(ENTRY_WEIGHT),
                    expires_at: Instant::now() + self.ttl,
                    value,
                })
            })
            .await?;
        let value = entry.value.clone();
        if fetched {
            self.evict();
        }
        Ok(value)
    }

    /// Removes expired entries, then the oldest until the total weight is within the bound.
    fn evict(&self) {
        let now = Instant::now();
        let mut entries = self.entries.lock();
        entries.retain(|_, cell| cell.get().is_none_or(|entry| entry.expires_at > now));
        let mut by_age: Vec<(Instant, Key, usize)> = entries
            .iter()
            .filter_map(|(key, cell)| {
                cell.get()
                    .map(|entry| (entry.expires_at, *key, entry.weight))
            })
            .collect();
        by_age.sort_unstable();
        let mut total = by_age
            .iter()
            .fold(0_usize, |sum, (_, _, weight)| sum.saturating_add(*weight));
        for (_, key, weight) in by_age {
            if total <= self.max_weight {
                break;
            }
            entries.remove(&key);
            total = total.saturating_sub(weight);
        }
    }
}

/// A reference to one key by a caller. The last caller of a key without a value removes the key
/// from the table when it is dropped.
struct Lease<'a, V> {
    cache: &'a Cache<V>,
    key: Key,
    cell: Arc<OnceCell<Entry<V>>>,
}

impl<'a, V> Lease<'a, V> {
    fn new(cache: &'a Cache<V>, key: Key) -> Self {
        let mut entries = cache.entries.lock();
        let cell = entries.entry(key).or_default();
        if cell
            .get()
            .is_some_and(|entry| entry.expires_at <= Instant::now())
        {
            *cell = Arc::default();
        }
        let cell = Arc::clone(cell);
        drop(entries);
        Self { cache, key, cell }
    }

    fn cell(&self) -> &OnceCell<Entry<V>> {
        &self.cell
    }
}

impl<V> Drop for Lease<'_, V> {
    fn drop(&mut self) {
        if self.cell.get().is_some() {
            return;
        }
        let mut entries = self.cache.entries.lock();
        // Released inside the lock: of two leases dropped at once, the second sees that it is last.
        self.cell = Arc::default();
        let abandoned = entries
            .get(&self.key)
            .is_some_and(|cell| cell.get().is_none() && Arc::strong_count(cell) == 1);
        if abandoned {
            entries.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const TTL: Duration = Duration::from_secs(5);

    fn cache(values: usize) -> Cache<String> {
        Cache::new(TTL, values * (ENTRY_WEIGHT + 1), String::len)
    }

    async fn get(cache: &Cache<String>, key: u8, fetches: &AtomicUsize) -> String {
        let fetch = async {
            let count = fetches.fetch_add(1, Ordering::SeqCst);
            Ok::<_, ()>(count.to_string())
        };
        cache.get_or_try([key; 32], fetch).await.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn returns_a_value_until_it_expires() {
        let (cache, fetches) = (cache(8), AtomicUsize::new(0));
        assert_eq!(get(&cache, 1, &fetches).await, "0");
        assert_eq!(get(&cache, 1, &fetches).await, "0");
        tokio::time::advance(TTL).await;
        assert_eq!(get(&cache, 1, &fetches).await, "1");
    }

    #[tokio::test(start_paused = true)]
    async fn evicts_the_oldest_entries_beyond_the_weight_limit() {
        let (cache, fetches) = (cache(2), AtomicUsize::new(0));
        for key in [1, 2, 3] {
            get(&cache, key, &fetches).await;
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        assert_eq!(cache.entries.lock().len(), 2);
        assert_eq!(get(&cache, 3, &fetches).await, "2");
        assert_eq!(get(&cache, 1, &fetches).await, "3");
    }

    #[tokio::test(start_paused = true)]
    async fn shares_one_fetch_and_does_not_block_other_keys() {
        let (cache, fetches) = (cache(8), AtomicUsize::new(0));
        let slow = || async {
            let fetch = async {
                fetches.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_secs(1)).await;
                Ok::<_, ()>("slow".to_owned())
            };
            cache.get_or_try([1; 32], fetch).await
        };
        let quick = async {
            let started = Instant::now();
            cache
                .get_or_try([2; 32], async { Ok::<_, ()>("quick".to_owned()) })
                .await
                .unwrap();
            assert!(started.elapsed() < Duration::from_millis(100));
        };
        let (first, second, third, ()) = tokio::join!(slow(), slow(), slow(), quick);
        for response in [first, second, third] {
            assert_eq!(response.as_deref(), Ok("slow"));
        }
        assert_eq!(fetches.load(Ordering::SeqCst), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn lets_the_next_caller_fetch_when_the_first_is_dropped_or_fails() {
        let cache = cache(8);
        let never = std::future::pending::<Result<String, ()>>();
        let first = cache.get_or_try([1; 32], never);
        let second = cache.get_or_try([1; 32], async { Err("failed") });
        let third = cache.get_or_try([1; 32], async { Ok::<_, ()>("third".to_owned()) });
        let (first, second, third) = tokio::join!(tokio::time::timeout(TTL, first), second, third);
        assert!(first.is_err());
        assert_eq!(second, Err("failed"));
        assert_eq!(third.as_deref(), Ok("third"));
    }

    #[tokio::test(start_paused = true)]
    async fn removes_keys_whose_fetches_all_failed() {
        let cache = cache(8);
        for key in 0..100 {
            let failing = cache.get_or_try([key; 32], async { Err::<String, _>(()) });
            let dropped = cache.get_or_try([key; 32], std::future::pending::<Result<String, ()>>());
            let (_, _) = tokio::join!(failing, tokio::time::timeout(TTL, dropped));
        }
        assert!(cache.entries.lock().is_empty());
    }
}
