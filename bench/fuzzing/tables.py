def judged(seed): raise NotImplementedError
