"""Search: moments in which words are said, objects are in view, or both.

index       the index is kept in step with the current results
document    what is indexed of a transcript, of tracks and of a name
query       a query as it was typed, and its words
candidates  the videos that have all terms, found block by block
match       the moments of one video
search      one page of moments, ranked
moments     moments as people see them
"""
