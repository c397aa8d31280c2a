//! Raw memory: the caller writes into a buffer of ours and reads the answer from another one.

use std::cell::RefCell;

use crate::Program;

thread_local! {
    static INPUT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static ANSWER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A buffer of this length, which stays where it is until the next call.
pub fn input(length: usize) -> *mut u8 {
    INPUT.with_borrow_mut(|input| {
        input.resize(length, 0);
        input.as_mut_ptr()
    })
}

/// Keeps the answer until the next call; its address in the upper half, its length in the lower.
pub fn answer(program: Program, length: usize) -> u64 {
    let answer = INPUT.with_borrow(|input| program(&input[..length]));
    let place = (answer.as_ptr() as u64) << 32 | answer.len() as u64;
    ANSWER.set(answer);
    place
}
