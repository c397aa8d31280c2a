//! Addresses of a host name.

use std::collections::BTreeSet;

use serde_json::json;

/// The name could not be looked up.
#[derive(Debug, thiserror::Error)]
#[error("cannot look up the host name")]
pub(crate) struct LookupFailure(#[source] std::io::Error);

/// `{"ips": […]}`, sorted, each address once.
pub(crate) async fn lookup(host: &str) -> Result<Vec<u8>, LookupFailure> {
    // The system's resolver blocks; the runtime runs it on threads kept for that.
    let found = tokio::net::lookup_host((host, 0))
        .await
        .map_err(LookupFailure)?;
    let addresses: BTreeSet<String> = found.map(|address| address.ip().to_string()).collect();
    Ok(json!({ "ips": addresses }).to_string().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn looks_up_addresses_once_each() {
        let answer = lookup("127.0.0.1").await.unwrap();
        assert_eq!(answer, br#"{"ips":["127.0.0.1"]}"#);
    }

    #[tokio::test]
    async fn fails_for_what_is_no_host_name() {
        assert!(lookup("not a host").await.is_err());
    }
}
