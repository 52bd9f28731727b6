package gozmq

// Version is the version of the runtime.
const Version = "0.1.0"
