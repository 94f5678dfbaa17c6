"""Search: moments in which words are said, objects are in view, or both.

index       what a run writes with its result, so that a search finds it
reindex     results of earlier versions
document    what is indexed of a transcript, of tracks and of a name
query       a query as it was typed, and its words
candidates  the videos that may have all terms, found block by block
examined    their filters, pages and moments
match       the moments of one video
search      one page of moments, ranked
moments     moments as people see them
"""
