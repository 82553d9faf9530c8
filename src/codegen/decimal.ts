/** Digits of a decimal that a JavaScript number always gives back. */
export const EXACT_DIGITS = 15;

/** The data type of a decimal that may have more: where a number would be another, it is text. */
export const WIDE_DECIMAL = 'wide decimal';
