//! A bounded cache: entries live for a while, weigh something, and are fetched once however many ask at the same time.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::Instant;

/// A digest of what was asked.
pub(crate) type Key = [u8; 32];

/// What an entry weighs besides its value, so that empty values are bounded in number too.
const ENTRY_WEIGHT: usize = 256;

/// Successes are kept for `ttl`, and together weigh at most `weight_max`; the oldest leave first.
///
/// Waiting for one key never waits for another. When the caller that fetches is dropped or fails, the next one that
/// waits for the key fetches it: failures are not kept.
pub(crate) struct Cache<V> {
    ttl: Duration,
    weight_max: usize,
    weigh: fn(&V) -> usize,
    entries: Mutex<Entries<V>>,
}

type Entries<V> = HashMap<Key, Arc<OnceCell<Kept<V>>>>;

struct Kept<V> {
    value: V,
    weight: usize,
    until: Instant,
}

impl<V: Clone> Cache<V> {
    pub(crate) fn new(ttl: Duration, weight_max: usize, weigh: fn(&V) -> usize) -> Self {
        Self {
            ttl,
            weight_max,
            weigh,
            entries: Mutex::default(),
        }
    }

    /// The value kept for `key`, else what `fetch` finds.
    pub(crate) async fn get_or_try<E>(
        &self,
        key: Key,
        fetch: impl Future<Output = Result<V, E>>,
    ) -> Result<V, E> {
        let lease = Lease::new(self, key);
        let mut fetched = false;
        let kept = lease
            .cell()
            .get_or_try_init(|| async {
                let value = fetch.await?;
                fetched = true;
                Ok(Kept {
                    weight: (self.weigh)(&value).saturating_add(ENTRY_WEIGHT),
                    until: Instant::now() + self.ttl,
                    value,
                })
            })
            .await?;
        let value = kept.value.clone();
        if fetched {
            self.trim();
        }
        Ok(value)
    }

    /// Drops what is stale, then the oldest until the rest is light enough.
    fn trim(&self) {
        let now = Instant::now();
        let mut entries = self.lock();
        entries.retain(|_, cell| cell.get().is_none_or(|kept| kept.until > now));
        let mut kept: Vec<(Instant, Key, usize)> = entries
            .iter()
            .filter_map(|(key, cell)| cell.get().map(|kept| (kept.until, *key, kept.weight)))
            .collect();
        kept.sort_unstable();
        let mut weight = kept
            .iter()
            .fold(0_usize, |sum, (_, _, weight)| sum.saturating_add(*weight));
        for (_, key, relief) in kept {
            if weight <= self.weight_max {
                break;
            }
            entries.remove(&key);
            weight = weight.saturating_sub(relief);
        }
    }
}

impl<V> Cache<V> {
    fn lock(&self) -> MutexGuard<'_, Entries<V>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An interest in one key. The last one to lose interest in a key that nobody could fetch takes it out of the table.
struct Lease<'a, V> {
    cache: &'a Cache<V>,
    key: Key,
    cell: Arc<OnceCell<Kept<V>>>,
}

impl<'a, V> Lease<'a, V> {
    fn new(cache: &'a Cache<V>, key: Key) -> Self {
        let mut entries = cache.lock();
        let cell = entries.entry(key).or_default();
        if cell.get().is_some_and(|kept| kept.until <= Instant::now()) {
            *cell = Arc::default();
        }
        let cell = Arc::clone(cell);
        drop(entries);
        Self { cache, key, cell }
    }

    fn cell(&self) -> &OnceCell<Kept<V>> {
        &self.cell
    }
}

impl<V> Drop for Lease<'_, V> {
    fn drop(&mut self) {
        if self.cell.get().is_some() {
            return;
        }
        let mut entries = self.cache.lock();
        // Given up inside the lock, so that of two that leave at once the second sees that it is the last.
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
    async fn keeps_a_value_until_it_is_stale() {
        let (cache, fetches) = (cache(8), AtomicUsize::new(0));
        assert_eq!(get(&cache, 1, &fetches).await, "0");
        assert_eq!(get(&cache, 1, &fetches).await, "0");
        tokio::time::advance(TTL).await;
        assert_eq!(get(&cache, 1, &fetches).await, "1");
    }

    #[tokio::test(start_paused = true)]
    async fn lets_the_oldest_go_when_too_much_is_kept() {
        let (cache, fetches) = (cache(2), AtomicUsize::new(0));
        for key in [1, 2, 3] {
            get(&cache, key, &fetches).await;
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        assert_eq!(cache.lock().len(), 2);
        assert_eq!(get(&cache, 3, &fetches).await, "2");
        assert_eq!(get(&cache, 1, &fetches).await, "3");
    }

    #[tokio::test(start_paused = true)]
    async fn fetches_once_for_all_that_wait_and_blocks_no_other_key() {
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
        for answer in [first, second, third] {
            assert_eq!(answer.as_deref(), Ok("slow"));
        }
        assert_eq!(fetches.load(Ordering::SeqCst), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn hands_the_fetch_on_when_the_first_caller_leaves_or_fails() {
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
    async fn forgets_keys_that_nobody_could_fetch() {
        let cache = cache(8);
        for key in 0..100 {
            let failing = cache.get_or_try([key; 32], async { Err::<String, _>(()) });
            let leaving = cache.get_or_try([key; 32], std::future::pending::<Result<String, ()>>());
            let (_, _) = tokio::join!(failing, tokio::time::timeout(TTL, leaving));
        }
        assert!(cache.lock().is_empty());
    }
}
