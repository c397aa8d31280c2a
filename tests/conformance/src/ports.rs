//! Free ports for servers that must know theirs before they start.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

use anyhow::{Context as _, Result};

/// The range ends below the ports that Linux gives to outgoing connections (32768 and up): one of those could take the
/// port between our look at it and the server's bind.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// A loopback address that nobody listens on, and that this process has not handed out before.
///
/// # Errors
/// All ports of the range are taken.
pub fn free() -> Result<SocketAddr> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    (0..COUNT)
        .map(|_| candidate(NEXT.fetch_add(1, Ordering::Relaxed)))
        .find(|address| TcpListener::bind(address).is_ok())
        .context("no free port on the loopback interface")
}

/// Two processes at once begin at different places of the range.
fn candidate(turn: u16) -> SocketAddr {
    let start = std::process::id().wrapping_mul(97);
    let offset = start.wrapping_add(u32::from(turn)) % u32::from(COUNT);
    let port = FIRST + u16::try_from(offset).unwrap_or_default();
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}
