//! The kube-apiserver with the engine inside: how it is told to ask the policies.

use std::path::Path;

use anyhow::Result;
use serde_json::json;

use crate::directory::Directory;
use crate::kubernetes::Plug;
use crate::programs::Programs;
use crate::webhook::KUBECONFIG;

/// Writes the files that its flags name. One configuration serves all three planes.
///
/// # Errors
/// There is no such kube-apiserver, or a file cannot be written.
pub(crate) fn plug(
    programs: &Programs,
    directory: &Directory,
    configuration: &Path,
    cache_ttl: Option<&str>,
) -> Result<Plug> {
    let admission = json!({
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AdmissionConfiguration",
        "plugins": [{"name": "WASM", "path": configuration}],
    });
    let admission = directory.write("plug/admission.yaml", admission.to_string())?;
    let (admission, configuration) = (admission.display(), configuration.display());
    let mut flags = vec![
        format!("--authentication-wasm-config-file={configuration}"),
        format!("--authorization-wasm-config-file={configuration}"),
        "--authorization-mode=Node,WASM,RBAC".to_owned(),
        format!("--admission-control-config-file={admission}"),
        "--enable-admission-plugins=WASM".to_owned(),
        "--wasm-code-cache-dir=code".to_owned(),
        // Written when there is an API server; read when a policy first asks for something.
        format!("--wasm-kubeconfig={KUBECONFIG}"),
    ];
    flags.extend(cache_ttl.map(|ttl| format!("--authentication-wasm-cache-ttl={ttl}")));
    Ok(Plug {
        program: programs.composed_apiserver()?,
        flags,
    })
}
