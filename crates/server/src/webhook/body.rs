//! Receives reviews into memory, each within a limit and all together within another.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use http_body_util::BodyExt;
use hyper::body::{Body, Bytes, Incoming};

use crate::refusal::Refusal;

/// What is reserved at first for a review that does not arrive at once, in bytes. The announced length is only believed up
/// to here; announcing costs a client nothing.
const RESERVED_MAX: usize = 256 << 10;

/// The account of all reviews in memory.
#[derive(Debug)]
pub(crate) struct Bodies {
    /// The largest review, in bytes.
    one_max: usize,
    account: Arc<Account>,
}

#[derive(Debug)]
struct Account {
    /// All reviews together, in bytes.
    all_max: usize,
    used: AtomicUsize,
}

/// A review in memory. Its bytes count until it is dropped.
#[derive(Debug)]
pub(super) struct Received {
    bytes: Bytes,
    _claim: Claim,
}

impl Received {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl Bodies {
    pub(crate) fn new(one_max: usize, all_max: usize) -> Self {
        Self {
            one_max,
            account: Arc::new(Account {
                all_max,
                used: AtomicUsize::new(0),
            }),
        }
    }

    /// Receives a whole review before the deadline.
    pub(super) async fn receive(
        &self,
        body: Incoming,
        deadline: Instant,
    ) -> Result<Received, Refusal> {
        match tokio::time::timeout_at(deadline.into(), self.collect(body)).await {
            Ok(received) => received,
            Err(_) => Err(Refusal::BodyTooSlow),
        }
    }

    async fn collect(&self, mut body: Incoming) -> Result<Received, Refusal> {
        let announced = body
            .size_hint()
            .exact()
            .and_then(|length| usize::try_from(length).ok());
        if announced.is_some_and(|length| length > self.one_max.saturating_mul(2)) {
            return Err(self.too_large());
        }
        let mut claim = Claim {
            account: Arc::clone(&self.account),
            bytes: 0,
        };
        let Some(first) = next(&mut body).await? else {
            return Ok(Received {
                bytes: Bytes::new(),
                _claim: claim,
            });
        };
        if !self.fits(first.len()) {
            return self.discard(body, first.len()).await;
        }
        claim.extend(first.len())?;
        // Most reviews arrive in one piece, which is then not copied.
        if body.is_end_stream() {
            return Ok(Received {
                bytes: first,
                _claim: claim,
            });
        }
        let mut bytes = Vec::with_capacity(
            announced
                .unwrap_or_default()
                .clamp(first.len(), RESERVED_MAX.max(first.len())),
        );
        bytes.extend_from_slice(&first);
        drop(first);
        while let Some(piece) = next(&mut body).await? {
            let total = bytes.len().saturating_add(piece.len());
            if !self.fits(total) {
                drop((bytes, claim));
                return self.discard(body, total).await;
            }
            claim.extend(piece.len())?;
            bytes.extend_from_slice(&piece);
        }
        Ok(Received {
            bytes: bytes.into(),
            _claim: claim,
        })
    }

    fn fits(&self, length: usize) -> bool {
        length <= self.one_max
    }

    fn too_large(&self) -> Refusal {
        Refusal::BodyTooLarge { max: self.one_max }
    }

    /// Reads on for as much again without keeping it: a client that is only a little over then reads our answer instead of
    /// failing to send.
    async fn discard(&self, mut body: Incoming, mut received: usize) -> Result<Received, Refusal> {
        while received < self.one_max.saturating_mul(2)
            && let Some(piece) = next(&mut body).await?
        {
            received = received.saturating_add(piece.len());
        }
        Err(self.too_large())
    }
}

/// The next piece of data; trailers are skipped.
async fn next(body: &mut Incoming) -> Result<Option<Bytes>, Refusal> {
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(|_| Refusal::BodyBroken)?.into_data()
            && !data.is_empty()
        {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

/// A part of the account.
#[derive(Debug)]
struct Claim {
    account: Arc<Account>,
    bytes: usize,
}

impl Claim {
    fn extend(&mut self, by: usize) -> Result<(), Refusal> {
        // Counted even when it is too much: it is given back when the claim is dropped, a moment later.
        self.bytes = self.bytes.saturating_add(by);
        let before = self.account.used.fetch_add(by, Ordering::Relaxed);
        if before.saturating_add(by) <= self.account.all_max {
            Ok(())
        } else {
            Err(Refusal::Overload(
                "too many reviews are being received at once".to_owned(),
            ))
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.account.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
