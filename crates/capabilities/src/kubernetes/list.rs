//! Lists: page by page from the API server, straight into the bytes that guests get.

use kube::Client;
use kube::api::{ListParams, Request};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::field_mask::{FieldMask, strip_bookkeeping};
use super::{KubernetesFailure, ListAll};

/// Objects a page: what is in memory as values at one time.
const PAGE_ITEMS: u32 = 250;
/// A list larger than this is an error: a guest could not hold it either.
const LIST_BYTES_MAX: usize = 64 << 20;

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    metadata: PageMetadata,
    items: Option<Vec<Map<String, Value>>>,
}

#[derive(Default, Deserialize)]
struct PageMetadata {
    #[serde(rename = "continue")]
    more: Option<String>,
}

/// `{"apiVersion", "kind": "<Kind>List", "metadata": {}, "items"}` of the collection at `path`.
pub(super) async fn fetch(
    client: &Client,
    path: &str,
    asked: &ListAll,
) -> Result<Vec<u8>, KubernetesFailure> {
    let mask = FieldMask::new(asked.field_masks.iter().flatten());
    let mut bytes = head(asked)?;
    let mut parameters = ListParams {
        label_selector: asked.label_selector.clone(),
        field_selector: asked.field_selector.clone(),
        limit: Some(PAGE_ITEMS),
        ..ListParams::default()
    };
    let mut first = true;
    loop {
        let request = Request::new(path)
            .list(&parameters)
            .map_err(KubernetesFailure::Request)?;
        let page: Page = client.request(request).await?;
        for item in page.items.into_iter().flatten() {
            if !std::mem::take(&mut first) {
                bytes.push(b',');
            }
            serde_json::to_writer(&mut bytes, &prepared(item, asked, &mask))?;
            if bytes.len() > LIST_BYTES_MAX {
                return Err(KubernetesFailure::TooLarge(LIST_BYTES_MAX));
            }
        }
        match page.metadata.more {
            Some(more) if !more.is_empty() => parameters.continue_token = Some(more),
            _ => break,
        }
    }
    bytes.extend_from_slice(b"]}");
    Ok(bytes)
}

fn head(asked: &ListAll) -> Result<Vec<u8>, KubernetesFailure> {
    let api_version = serde_json::to_string(&asked.api_version)?;
    let kind = serde_json::to_string(&format!("{}List", asked.kind))?;
    let head = format!(r#"{{"apiVersion":{api_version},"kind":{kind},"metadata":{{}},"items":["#);
    Ok(head.into_bytes())
}

/// An item as guests see it. API servers leave `apiVersion` and `kind` out of items, so they are put back.
fn prepared(mut item: Map<String, Value>, asked: &ListAll, mask: &FieldMask) -> Value {
    strip_bookkeeping(&mut item);
    item.entry("apiVersion")
        .or_insert_with(|| asked.api_version.clone().into());
    item.entry("kind")
        .or_insert_with(|| asked.kind.clone().into());
    let mut item = Value::Object(item);
    mask.apply(&mut item);
    item
}
