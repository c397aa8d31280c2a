//! Tests of the admission chains.
