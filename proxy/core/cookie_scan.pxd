cpdef tuple scan(bytes value, bytes name)
