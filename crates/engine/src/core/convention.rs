//! The interface between the core and a calling convention.

use wasmtime::Linker;

use crate::core::error::CallError;
use crate::core::exports::{EntryError, Exports};
use crate::core::imports::ImportSet;
use crate::core::instance::Instance;
use crate::core::state::CallState;

/// A way to pass bytes to a module and back. A value holds the exports of one module that take part
/// in a call.
///
/// [`Bound::call`](crate::core::call::Bound::call) runs the calls of every convention: it takes the
/// permit, enforces limits and deadline, and creates the instance.
pub(crate) trait Convention: Sized + Send + Sync + 'static {
    /// Host functions that modules of this convention can import. [`Convention::link`] defines
    /// exactly these.
    const IMPORTS: &'static [ImportSet];

    /// The argument that selects exports: the name of an entry point, or `()`.
    type Selector: ?Sized;
    /// State of one call that the host functions of this convention use.
    type State: Send + 'static;
    /// Input of one call that is not part of the state.
    type Input: Send;
    /// Result of [`Convention::call`].
    type Returned: Send;

    /// Defines the functions of [`Convention::IMPORTS`].
    fn link(linker: &mut Linker<CallState<Self::State>>) -> wasmtime::Result<()>;

    /// Finds the exports of a module and checks their signatures.
    fn find(exports: &Exports<'_>, selector: &Self::Selector) -> Result<Self, EntryError>;

    /// Returns true if the call may wait for its host.
    fn may_wait(_state: &Self::State) -> bool {
        false
    }

    /// Calls the functions of a fresh instance. Runs within the limits and the deadline.
    async fn call(
        &self,
        instance: &mut Instance<Self::State>,
        input: Self::Input,
    ) -> wasmtime::Result<Self::Returned>;

    /// Returns the response of a call that has ended. `returned` is `None` if the module exited
    /// with code 0 before [`Convention::call`] returned.
    fn response(
        state: &mut Self::State,
        returned: Option<Self::Returned>,
    ) -> Result<Vec<u8>, CallError>;

    /// Returns the module's log.
    fn into_log(state: Self::State) -> Vec<u8>;
}
