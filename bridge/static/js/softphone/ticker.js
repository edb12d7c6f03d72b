/** The worker behind timers.js: says a timer's number when its time has come. */

onmessage = ({ data: { id, milliseconds } }) => setTimeout(() => postMessage(id), milliseconds);
