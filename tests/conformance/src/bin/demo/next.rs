//! Suggestions of what to try next, with kubectl or curl.

use std::path::PathBuf;

use anyhow::Result;
use conformance::Running;

/// Writes a kubeconfig and prints commands that use it.
///
/// # Errors
/// If the kubeconfig cannot be written.
pub fn explain(running: &Running) -> Result<()> {
    let kubeconfig = write_kubeconfig(running)?;
    let directory = running.directory.path().display();
    println!(
        "
Continue as magic-user:

  export KUBECONFIG={}
  kubectl get configmaps                                             # allowed by magic-authorizer
  kubectl get pods                                                   # forbidden
  kubectl create configmap mine --from-literal=greeting=hello
  kubectl get configmap mine -o yaml                                 # mutated by magic-mutator
  kubectl create configmap bad --from-literal=not-allowed-value=oops # rejected by magic-validator
  kubectl --context admin get configmaps -A                          # an admin has all permissions
",
        kubeconfig.display()
    );
    if !is_installed("kubectl") {
        println!(
            "kubectl is not installed; use curl instead:

  curl --cacert {} -H 'Authorization: Bearer magic-token' \\
    {}/api/v1/namespaces/default/configmaps
",
            running.apiserver.authority_file.display(),
            running.apiserver.url
        );
    }
    println!("Configuration and modules:  {directory}/policies.yaml");
    println!("One line for each decision: {directory}/k8s-wasm.log");
    println!("\nPress Ctrl-C to stop.");
    Ok(())
}

fn write_kubeconfig(running: &Running) -> Result<PathBuf> {
    let apiserver = &running.apiserver;
    let admin = apiserver.authority.user("admin", "system:masters")?;
    let certificate = running.directory.write("admin.crt", admin.certificate)?;
    let key = running.directory.write("admin.key", admin.key)?;
    let text = format!(
        "\
apiVersion: v1
kind: Config
current-context: magic-user
contexts:
- name: magic-user
  context: {{cluster: demo, user: magic-user}}
- name: admin
  context: {{cluster: demo, user: admin}}
clusters:
- name: demo
  cluster:
    server: {url}
    certificate-authority: {authority}
users:
- name: magic-user
  user:
    token: magic-token
- name: admin
  user:
    client-certificate: {certificate}
    client-key: {key}
",
        url = apiserver.url,
        authority = apiserver.authority_file.display(),
        certificate = certificate.display(),
        key = key.display(),
    );
    running.directory.write("kubeconfig", text)
}

fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}
