"""HTTP manners that all doors share: requests and answers, who is asking, ranges, page links."""
