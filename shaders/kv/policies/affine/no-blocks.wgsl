// Nothing is told of a head's channels.
const FactorWords = 0u;
