//! Bodies of requests, received into memory within a limit for each and a limit for all.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use http_body_util::BodyExt;
use hyper::body::{Body, Bytes, Incoming};

use crate::error_response::ErrorResponse;

/// Maximum capacity that is allocated in advance for a review that arrives in pieces, in bytes.
/// Announcing a greater length costs a client nothing.
const MAX_INITIAL_CAPACITY: usize = 256 << 10;

/// The limits of bodies, and the budget that they share.
#[derive(Debug)]
pub(crate) struct Bodies {
    /// Maximum size of a review, in bytes.
    max: usize,
    budget: Arc<Budget>,
}

#[derive(Debug)]
struct Budget {
    /// Maximum size of all reviews, in bytes.
    max: usize,
    used: AtomicUsize,
}

/// A review in memory. It counts against the budget until it is dropped.
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
    /// Creates limits: of one review, and of all reviews together, in bytes.
    pub(crate) fn new(max: usize, max_total: usize) -> Self {
        Self {
            max,
            budget: Arc::new(Budget {
                max: max_total,
                used: AtomicUsize::new(0),
            }),
        }
    }

    /// Receives a whole review before the deadline.
    pub(super) async fn receive(
        &self,
        body: Incoming,
        deadline: Instant,
    ) -> Result<Received, ErrorResponse> {
        match tokio::time::timeout_at(deadline.into(), self.collect(body)).await {
            Ok(received) => received,
            Err(_) => Err(ErrorResponse::BodyTooSlow),
        }
    }

    async fn collect(&self, mut body: Incoming) -> Result<Received, ErrorResponse> {
        let announced = body
            .size_hint()
            .exact()
            .and_then(|length| usize::try_from(length).ok());
        if announced.is_some_and(|length| length > self.max.saturating_mul(2)) {
            return Err(self.too_large());
        }
        let mut claim = Claim {
            budget: Arc::clone(&self.budget),
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
        // Most reviews arrive in one piece, which needs no copy.
        if body.is_end_stream() {
            return Ok(Received {
                bytes: first,
                _claim: claim,
            });
        }
        let mut bytes = Vec::with_capacity(
            announced
                .unwrap_or_default()
                .clamp(first.len(), MAX_INITIAL_CAPACITY.max(first.len())),
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
        length <= self.max
    }

    fn too_large(&self) -> ErrorResponse {
        ErrorResponse::BodyTooLarge { max: self.max }
    }

    /// Reads up to twice the limit without keeping it, so that a client that exceeds the limit a
    /// little reads the response instead of failing to send.
    async fn discard(
        &self,
        mut body: Incoming,
        mut received: usize,
    ) -> Result<Received, ErrorResponse> {
        while received < self.max.saturating_mul(2)
            && let Some(piece) = next(&mut body).await?
        {
            received = received.saturating_add(piece.len());
        }
        Err(self.too_large())
    }
}

/// Returns the next piece of data; skips trailers.
async fn next(body: &mut Incoming) -> Result<Option<Bytes>, ErrorResponse> {
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(|_| ErrorResponse::BodyBroken)?.into_data()
            && !data.is_empty()
        {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

/// A part of the budget, returned when it is dropped.
#[derive(Debug)]
struct Claim {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Claim {
    fn extend(&mut self, by: usize) -> Result<(), ErrorResponse> {
        // Counted even if it exceeds the budget: the claim is dropped right after.
        self.bytes = self.bytes.saturating_add(by);
        let before = self.budget.used.fetch_add(by, Ordering::Relaxed);
        if before.saturating_add(by) <= self.budget.max {
            Ok(())
        } else {
            Err(ErrorResponse::Overloaded(
                "too many reviews are being received".to_owned(),
            ))
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
