"""Language modelling without training: LAMBADA, perplexity of WikiText or any text, the zero-shot multiple-choice file."""
